//! RUN: commands whose effect is gone afterwards, hand-made background processes, needless `sudo`.

use super::Refutation;
use super::{Checked, File, fix, found};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::directive::{Directive, Run, RunMode};
use crate::rules;
use crate::shell::{self, Command, CommandEnd, Nesting};
use crate::span::Span;

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    let user = file.facts.user.map_or(u32::MAX, Span::start);
    for (directive, run) in file.runs() {
        let text = run.command.value.as_str();
        let plain = run.mode == RunMode::Plain;
        let changes = plain && begins_with_change(text);
        let ends = plain && text.ends_with('&');
        let root = directive.span.start() < user && text.contains("sudo");
        if !changes && !ends && !root {
            continue;
        }
        let commands = shell::commands(text);
        if changes {
            does_not_survive(directive, run, &commands, checked);
        }
        if ends {
            ampersand(file, directive, run, &commands, checked);
        }
        if root {
            sudo(file, run, &commands, checked);
        }
    }
}

/// Whether the first word may be one that [`change`] knows; most commands end here.
fn begins_with_change(text: &str) -> bool {
    let word = text.split([' ', '\t']).next().unwrap_or_default();
    matches!(
        word,
        "cd" | "pushd" | "export" | "alias" | "shopt" | "umask" | "ulimit" | "source" | "."
    ) || shell::is_assignment(word)
}

/// What a command changes in its shell only.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Directory(Option<String>),
    Variables(Option<String>),
    Other,
}

/// A RUN that only changes its own shell, which ends with it.
fn does_not_survive(directive: &Directive, run: &Run, commands: &[Command], checked: &mut Checked) {
    let text = run.command.value.as_str();
    let changes: Option<Vec<Change>> =
        commands.iter().map(|command| change(text, command)).collect();
    let Some(changes) = changes.filter(|changes| !changes.is_empty()) else { return };
    let (message, help) = match changes.as_slice() {
        [Change::Directory(_), ..] => (
            "each RUN has its own shell: this directory is forgotten at its end",
            "WORKDIR changes the directory of later steps",
        ),
        [Change::Variables(_), ..] => (
            "each RUN has its own shell: this variable is forgotten at its end",
            "ENV sets variables for later steps",
        ),
        _ => (
            "each RUN has its own shell: this changes nothing for later steps",
            "put it in the RUN that needs it, or in a file that SETUP FILE names",
        ),
    };
    let finding = found(&rules::DOES_NOT_SURVIVE, directive.span, message).with_help(help);
    let instead = match changes.as_slice() {
        [Change::Directory(Some(path))] => Some(format!("WORKDIR {path}")),
        [Change::Variables(Some(pairs))] => Some(format!("ENV {pairs}")),
        _ => None,
    };
    checked.add(match instead {
        Some(text) => finding.with_fix(
            format!("write `{text}`"),
            Applicability::Suggestion,
            directive.span,
            text,
        ),
        None => finding,
    });
}

/// What a command changes, if that is only its shell.
fn change(text: &str, command: &Command) -> Option<Change> {
    let quiet = command.nesting == Nesting::Top
        && command.outputs.is_empty()
        && matches!(command.end, CommandEnd::Next | CommandEnd::Last);
    if !quiet {
        return None;
    }
    let words: Vec<&str> =
        command.words.iter().filter_map(|range| text.get(range.clone())).collect();
    match words.as_slice() {
        [] => {
            let pairs = command.assignments.iter().map(|range| text.get(range.clone()));
            let pairs = pairs.collect::<Option<Vec<_>>>()?;
            let pure = pairs.iter().all(|pair| !pair.contains(['`']) && !pair.contains("$("));
            pure.then(|| Change::Variables(Some(pairs.join(" "))))
        }
        ["cd" | "pushd"] => Some(Change::Directory(None)),
        ["cd" | "pushd", path] => Some(Change::Directory(plain_path(path))),
        ["export", pairs @ ..]
            if !pairs.is_empty() && pairs.iter().all(|pair| !pair.starts_with('-')) =>
        {
            let pure = pairs.iter().all(|pair| {
                shell::is_assignment(pair) && !pair.contains('`') && !pair.contains("$(")
            });
            Some(Change::Variables(pure.then(|| pairs.join(" "))))
        }
        ["alias" | "shopt" | "umask" | "ulimit", _, ..] => Some(Change::Other),
        ["source" | ".", file] if is_startup_file(file) => Some(Change::Other),
        _ => None,
    }
}

/// A path that WORKDIR can take: nothing in it needs a shell.
fn plain_path(path: &str) -> Option<String> {
    let needs_shell = path.contains(['$', '`', '*', '?', '"', '\'', '\\']) || path == "-";
    (!needs_shell).then(|| path.to_owned())
}

/// Files that are read for the variables and functions they set, never for what they do.
fn is_startup_file(path: &str) -> bool {
    let name = path.trim_matches(['"', '\'']).rsplit('/').next().unwrap_or_default();
    matches!(
        name,
        ".bashrc" | ".profile" | ".bash_profile" | ".zshrc" | "nvm.sh" | "activate" | "profile"
    )
}

/// `RUN server &`: works, but nobody notices when the server fails at once.
fn ampersand(
    file: &File<'_>,
    directive: &Directive,
    run: &Run,
    commands: &[Command],
    checked: &mut Checked,
) {
    let Some((last, before)) = commands.split_last() else { return };
    let only_last = last.end == CommandEnd::Background
        && commands.iter().all(|command| command.nesting == Nesting::Top)
        && before.iter().all(|command| command.end != CommandEnd::Background);
    let text = run.command.value.as_str();
    let Some(kept) = text.strip_suffix('&').map(str::trim_end).filter(|_| only_last) else {
        return;
    };
    let located = file.located(&run.command);
    let message = "a process started with `&` may fail at once without failing this step";
    let mut finding =
        found(&rules::BACKGROUND_AMPERSAND, located.span(&(text.len() - 1..text.len())), message)
            .with_help("RUN BACKGROUND starts it, watches its first seconds and keeps its output");
    let edits = [
        (directive.keyword, "RUN BACKGROUND".to_owned()),
        (located.span(&(kept.len()..text.len())), String::new()),
    ];
    finding.fixes.push(fix("use RUN BACKGROUND", Applicability::Suggestion, edits));
    checked.add(finding);
}

/// `sudo` where every command is root's anyway.
fn sudo(file: &File<'_>, run: &Run, commands: &[Command], checked: &mut Checked) {
    let text = run.command.value.as_str();
    let located = file.located(&run.command);
    let prefixes: Vec<Span> = commands
        .iter()
        .filter_map(|command| match command.words.as_slice() {
            [name, next, ..] if text.get(name.clone()) == Some("sudo") => {
                let program = text.get(next.clone())?;
                let plain = !program.starts_with('-') && !shell::is_assignment(program);
                plain.then(|| located.span(&(name.start..next.start)))
            }
            _ => None,
        })
        .collect();
    let Some(first) = prefixes.first() else { return };
    let shown = Span::new(first.start(), first.start() + 4);
    let mut finding: Diagnostic = found(
        &rules::SUDO_NOT_NEEDED,
        shown,
        "RUN already runs as root here, so `sudo` does nothing",
    )
    .with_help("leave `sudo` out; USER changes who runs the steps");
    let edits = prefixes.into_iter().map(|span| (span, String::new()));
    finding.fixes.push(fix("leave `sudo` out", Applicability::Suggestion, edits));
    checked.defer(Refutation::SetsUser, finding);
}
