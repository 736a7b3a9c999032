//! COPY and ADD: files of the repository, of another stage, from an address, and texts written in place.

use super::dockerfile::DockerInstructionText;
use super::here_document::HereDocument;
use super::quoting;
use super::words::{self, Flag};
use super::writer::Writer;

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
pub(super) fn write(writer: &mut Writer<'_>) {
    let arguments = writer.instruction.arguments();
    let (flags, rest) = words::flags(&arguments);
    let expanded: Result<Vec<String>, _> =
        words::list(rest).iter().map(|word| writer.state.variables.expand(word)).collect();
    let mut paths = match expanded {
        Ok(paths) => paths,
        Err(unknown) => {
            let text = format!(
                "the value of `${}` isn't known here, and COPY expands no variables",
                unknown.0
            );
            return writer.leave_out(text);
        }
    };
    let Some(destination) = paths.pop().filter(|_| !paths.is_empty()) else {
        return writer.leave_out("a source or the destination is missing");
    };
    if paths.iter().chain([&destination]).any(|path| path.contains(char::is_whitespace)) {
        return writer.leave_out("a path with a blank can't be written in a Layerfile");
    }
    let copied = Copied { flags: &flags, sources: paths, destination };
    note_flags(writer, &copied);
    match copied.flag("from").map(str::to_owned) {
        Some(from) => from_stage(writer, &copied, &from),
        None => from_outside(writer, &copied),
    }
}

fn note_flags(writer: &mut Writer<'_>, copied: &Copied<'_>) {
    for flag in copied.flags {
        if !matches!(flag.name.as_str(), "from" | "chown" | "chmod" | "link" | "keep-git-dir") {
            let text = format!("`--{}` has no equivalent and is left out", flag.name);
            writer.note(text);
        }
    }
}

/// Files of another stage are in the same machine.
fn from_stage(writer: &mut Writer<'_>, copied: &Copied<'_>, from: &str) {
    if writer.stages.named(from, writer.stage).is_none() {
        let text =
            format!("files of the image `{from}` can't be copied from here: install what they are");
        return writer.leave_out(text);
    }
    let destination = &copied.destination;
    for source in &copied.sources {
        let source = format!("/{}", source.trim_start_matches('/'));
        if source.trim_end_matches('/') == destination.trim_end_matches('/') {
            let text = format!("`{source}` is there already: all stages share one machine");
            writer.note(text);
            continue;
        }
        writer.settle_as_root();
        let command = copy_inside(&source, destination);
        writer.write(&format!("RUN {command}"));
    }
    owners(writer, copied);
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

fn from_outside(writer: &mut Writer<'_>, copied: &Copied<'_>) {
    writer.settle_directory();
    let mut files = Vec::new();
    for source in &copied.sources {
        if let Some(document) = document_of(writer.instruction, source) {
            here_document(writer, document, &copied.destination);
        } else if writer.instruction.keyword == "ADD" && is_address(source) {
            download(writer, source, &copied.destination);
        } else if writer.instruction.keyword == "ADD"
            && ARCHIVES.iter().any(|ending| source.ends_with(ending))
        {
            unpack(writer, source, &copied.destination);
        } else {
            files.push(from_context(writer, source));
        }
    }
    if !files.is_empty() {
        let mut destination = copied.destination.clone();
        if files.len() > 1 && !destination.ends_with('/') {
            destination.push('/');
        }
        let text = format!("COPY {} {destination}", files.join(" "));
        writer.write(&text);
    }
    owners(writer, copied);
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
fn from_context(writer: &mut Writer<'_>, source: &str) -> String {
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
        writer.note(text);
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

fn here_document(writer: &mut Writer<'_>, document: &HereDocument, destination: &str) {
    let file = file_at(destination, &document.marker.delimiter);
    let text = format!(
        "RUN {}{} > {}",
        making_directory(&file),
        document.printing(),
        quoting::word(&file)
    );
    writer.settle_as_root();
    writer.write(&text);
}

fn download(writer: &mut Writer<'_>, address: &str, destination: &str) {
    writer.settle_as_root();
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
    writer.write(&format!("RUN {command}"));
    let text = "the address is asked only when this step runs, not when what it answers changes";
    writer.note(text);
}

/// ADD unpacks archives of the repository.
fn unpack(writer: &mut Writer<'_>, source: &str, destination: &str) {
    writer.settle_as_root();
    let path = from_context(writer, source);
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let to = quoting::word(destination);
    writer.write(&format!("COPY {path} /tmp/{name}"));
    let archive = pattern_word(&format!("/tmp/{name}"));
    let text = format!("RUN mkdir -p {to} && tar -xf {archive} -C {to}");
    writer.write(&text);
}

/// `--chown` and `--chmod`.
fn owners(writer: &mut Writer<'_>, copied: &Copied<'_>) {
    let orders = [("chown", copied.flag("chown")), ("chmod", copied.flag("chmod"))];
    for (program, value) in orders {
        let Some(value) = value.and_then(|value| writer.state.variables.expand(value).ok()) else {
            continue;
        };
        writer.settle_as_root();
        let targets: Vec<String> =
            copied.sources.iter().map(|source| target(source, copied)).collect();
        let text = format!("RUN {program} -R {} {}", quoting::word(&value), targets.join(" "));
        writer.write_once(&text);
        let text =
            format!("`--{program}` is a step of its own, which touches every file that was copied");
        writer.note(text);
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
