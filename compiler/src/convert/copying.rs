//! COPY and ADD: files of the repository, of another stage, from an address, and texts written in place.

use super::dockerfile::DockerInstructionText;
use super::here_document::HereDocument;
use super::machine::StageState;
use super::quoting;
use super::translation::{Place, Translation};
use super::words::{self, Flag};

/// Endings of archives that ADD unpacks.
const ARCHIVES: [&str; 8] =
    [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst"];

/// The parts of COPY or ADD, variables replaced.
struct Copied<'a> {
    flags: &'a [Flag],
    sources: Vec<String>,
    destination: String,
}

impl Copied<'_> {
    fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|flag| flag.name == name).map(|flag| flag.value.as_str())
    }
}

/// Writes COPY or ADD.
pub(super) fn write(translation: &mut Translation<'_>, place: Place<'_>, state: &StageState) {
    let arguments = place.instruction.arguments();
    let (flags, rest) = words::flags(&arguments);
    let expanded: Result<Vec<String>, _> =
        words::list(rest).iter().map(|word| state.variables.expand(word)).collect();
    let mut paths = match expanded {
        Ok(paths) => paths,
        Err(unknown) => {
            let text = format!(
                "the value of `${}` isn't known here, and COPY expands no variables",
                unknown.0
            );
            return translation.leave_out(place, text);
        }
    };
    let Some(destination) = paths.pop().filter(|_| !paths.is_empty()) else {
        return translation.leave_out(place, "a source or the destination is missing");
    };
    if paths.iter().chain([&destination]).any(|path| path.contains(char::is_whitespace)) {
        return translation.leave_out(place, "a path with a blank can't be written in a Layerfile");
    }
    let copied = Copied { flags: &flags, sources: paths, destination };
    note_flags(translation, place, &copied);
    match copied.flag("from").map(str::to_owned) {
        Some(from) => from_stage(translation, place, state, &copied, &from),
        None => from_outside(translation, place, state, &copied),
    }
}

fn note_flags(translation: &mut Translation<'_>, place: Place<'_>, copied: &Copied<'_>) {
    for flag in copied.flags {
        if !matches!(flag.name.as_str(), "from" | "chown" | "chmod" | "link" | "keep-git-dir") {
            let text = format!("`--{}` has no equivalent and is left out", flag.name);
            translation.output.note(place.line(), text);
        }
    }
}

/// Files of another stage are in the same machine.
fn from_stage(
    translation: &mut Translation<'_>,
    place: Place<'_>,
    state: &StageState,
    copied: &Copied<'_>,
    from: &str,
) {
    if translation.stage_named(from, place.stage).is_none() {
        let text =
            format!("files of the image `{from}` can't be copied from here: install what they are");
        return translation.leave_out(place, text);
    }
    let destination = &copied.destination;
    for source in &copied.sources {
        let source = format!("/{}", source.trim_start_matches('/'));
        if source.trim_end_matches('/') == destination.trim_end_matches('/') {
            let text = format!("`{source}` is there already: all stages share one machine");
            translation.output.note(place.line(), text);
            continue;
        }
        translation.machine.bring_to_root(state, place.line(), translation.output);
        let command = copy_inside(&source, destination);
        translation.output.instruction(place.line(), &format!("RUN {command}"));
    }
    owners(translation, place, state, copied);
}

/// Docker copies what is in a directory, and a file to or into the destination.
fn copy_inside(source: &str, destination: &str) -> String {
    let from = pattern_word(source);
    let to = quoting::word(destination);
    if source.contains(['*', '?', '[']) {
        return format!("mkdir -p {to} && cp -a {from} {to}");
    }
    if destination.ends_with('/') {
        return format!(
            "mkdir -p {to} && if [ -d {from} ]; then cp -aT {from} {to}; else cp -a {from} {to}; fi"
        );
    }
    match destination.rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => {
            format!("mkdir -p {} && cp -aT {from} {to}", quoting::word(parent))
        }
        _ => format!("cp -aT {from} {to}"),
    }
}

/// A path whose patterns the shell expands.
fn pattern_word(path: &str) -> String {
    let is_plain =
        |letter: char| letter.is_ascii_alphanumeric() || "_./:@%+,=-*?[]".contains(letter);
    if path.chars().all(is_plain) { path.to_owned() } else { quoting::literal(path) }
}

fn from_outside(
    translation: &mut Translation<'_>,
    place: Place<'_>,
    state: &StageState,
    copied: &Copied<'_>,
) {
    translation.machine.bring_to_directory(state, place.line(), translation.output);
    let mut files = Vec::new();
    for source in &copied.sources {
        if let Some(document) = document_of(place.instruction, source) {
            here_document(translation, place, state, document, &copied.destination);
        } else if place.instruction.keyword == "ADD" && is_address(source) {
            download(translation, place, state, source, &copied.destination);
        } else if place.instruction.keyword == "ADD"
            && ARCHIVES.iter().any(|ending| source.ends_with(ending))
        {
            unpack(translation, place, state, source, &copied.destination);
        } else {
            files.push(from_context(translation, place, source));
        }
    }
    if !files.is_empty() {
        let mut destination = copied.destination.clone();
        if files.len() > 1 && !destination.ends_with('/') {
            destination.push('/');
        }
        let text = format!("COPY {} {destination}", files.join(" "));
        translation.output.instruction(place.line(), &text);
    }
    owners(translation, place, state, copied);
}

fn document_of<'a>(
    instruction: &'a DockerInstructionText,
    source: &str,
) -> Option<&'a HereDocument> {
    let word = source.strip_prefix("<<")?.trim_start_matches('-').trim_matches(['"', '\'']);
    instruction.here_documents.iter().find(|document| document.marker.delimiter == word)
}

fn is_address(source: &str) -> bool {
    ["http://", "https://", "git@", "git://", "ssh://"]
        .iter()
        .any(|start| source.starts_with(start))
}

/// A path of the build context: relative, and never above it, because there Docker takes `..` for the root.
fn from_context(translation: &mut Translation<'_>, place: Place<'_>, source: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut clamped = false;
    for part in source.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            clamped |= parts.pop().is_none();
        } else {
            parts.push(part);
        }
    }
    let path = if parts.is_empty() { ".".to_owned() } else { parts.join("/") };
    if clamped {
        let text =
            format!("`{source}` is `{path}` for Docker, which never leaves the build context");
        translation.output.note(place.line(), text);
    }
    path
}

/// `destination`, or the file `name` in it.
fn file_at(destination: &str, name: &str) -> String {
    if destination.ends_with('/') || matches!(destination, "." | "..") {
        format!("{}/{name}", destination.trim_end_matches('/'))
    } else {
        destination.to_owned()
    }
}

/// `mkdir -p …  && ` for the directory of a file.
fn making_directory(file: &str) -> String {
    match file.rsplit_once('/') {
        Some((directory, _)) if !matches!(directory, "" | "." | "..") => {
            format!("mkdir -p {} && ", quoting::word(directory))
        }
        _ => String::new(),
    }
}

fn here_document(
    translation: &mut Translation<'_>,
    place: Place<'_>,
    state: &StageState,
    document: &HereDocument,
    destination: &str,
) {
    let file = file_at(destination, &document.marker.delimiter);
    let text = format!(
        "RUN {}{} > {}",
        making_directory(&file),
        document.printing(),
        quoting::word(&file)
    );
    translation.machine.bring_to_root(state, place.line(), translation.output);
    translation.output.instruction(place.line(), &text);
}

fn download(
    translation: &mut Translation<'_>,
    place: Place<'_>,
    state: &StageState,
    address: &str,
    destination: &str,
) {
    translation.machine.bring_to_root(state, place.line(), translation.output);
    let (page, _) = address.split_once(['?', '#']).unwrap_or((address, ""));
    let command = if page.ends_with(".git") || !address.starts_with("http") {
        format!("git clone {} {}", quoting::word(address), quoting::word(destination))
    } else {
        let name = page.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("index.html");
        let file = file_at(destination, name);
        format!(
            "{}curl -fsSL -o {} {}",
            making_directory(&file),
            quoting::word(&file),
            quoting::word(address)
        )
    };
    translation.output.instruction(place.line(), &format!("RUN {command}"));
    let text = "the address is asked only when this step runs, not when what it answers changes";
    translation.output.note(place.line(), text);
}

/// ADD unpacks archives of the repository.
fn unpack(
    translation: &mut Translation<'_>,
    place: Place<'_>,
    state: &StageState,
    source: &str,
    destination: &str,
) {
    translation.machine.bring_to_root(state, place.line(), translation.output);
    let path = from_context(translation, place, source);
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let to = quoting::word(destination);
    translation.output.instruction(place.line(), &format!("COPY {path} /tmp/{name}"));
    let archive = pattern_word(&format!("/tmp/{name}"));
    let text = format!("RUN mkdir -p {to} && tar -xf {archive} -C {to}");
    translation.output.instruction(place.line(), &text);
}

/// `--chown` and `--chmod`.
fn owners(
    translation: &mut Translation<'_>,
    place: Place<'_>,
    state: &StageState,
    copied: &Copied<'_>,
) {
    let orders = [("chown", copied.flag("chown")), ("chmod", copied.flag("chmod"))];
    for (program, value) in orders {
        let Some(value) = value.and_then(|value| state.variables.expand(value).ok()) else {
            continue;
        };
        translation.machine.bring_to_root(state, place.line(), translation.output);
        let targets: Vec<String> =
            copied.sources.iter().map(|source| target(source, copied)).collect();
        let text = format!("RUN {program} -R {} {}", quoting::word(&value), targets.join(" "));
        translation.output.instruction_once(place.line(), &text);
        let text =
            format!("`--{program}` is a step of its own, which touches every file that was copied");
        translation.output.note(place.line(), text);
    }
}

/// What a source became: itself in a directory if it looks like a file, else the destination.
fn target(source: &str, copied: &Copied<'_>) -> String {
    let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let looks_like_file =
        name.contains('.') && !matches!(name, "." | "..") && !source.ends_with('/');
    let file = file_at(&copied.destination, name);
    pattern_word(if looks_like_file { &file } else { &copied.destination })
}
