//! Inside the commands of RUN: what can be started where a command begins, and files that COPY has put into the machine.

use super::item::{Items, document};
use super::paths::{self, is_shown};
use crate::plan::files;
use crate::shell::builtins::BUILTINS;
use crate::shell::{ShellTokenKind, tokens};
use crate::workspace::FileView;
use layerc_compiler::directive::Instruction;
use layerc_compiler::span::Span;
use ls_types::CompletionItemKind;
use std::collections::BTreeSet;

/// Programs that every base image has and scripts use most.
const PROGRAMS: &[&str] = &[
    "apt-get", "bash", "cat", "chmod", "chown", "cp", "cut", "date", "dirname", "env", "find",
    "grep", "head", "id", "install", "ln", "ls", "mkdir", "mktemp", "mv", "rm", "sed", "sleep",
    "sort", "tail", "tar", "tee", "touch", "tr", "uname", "useradd", "wc", "xargs",
];

/// Signs that end a word of the shell, as far as completion is concerned.
const ENDS: &[char] =
    &[' ', '\t', '\n', ';', '|', '&', '(', ')', '<', '>', '=', '"', '\'', '`', ',', '{', '}'];

/// Offers what fits behind `text`, the command up to the cursor, at byte `cursor` of the file.
pub(super) fn complete(view: FileView<'_>, items: &mut Items<'_>, text: &str, cursor: u32) {
    let word = text.get(text.rfind(ENDS).map_or(0, |at| at + 1)..).unwrap_or_default();
    if word.contains('$') || word.contains('\\') {
        return;
    }
    let place = place(text);
    if place == Place::Neither {
        return;
    }
    narrow(view, items, word, cursor);
    if place == Place::Command && !word.contains('/') {
        commands(view, items);
    }
    // An empty argument can be anything; a list of files would only be in the way of typing.
    if !word.is_empty() {
        copied(view, items, word, cursor);
    }
}

/// What stands at the end of a command that is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The name of what is started.
    Command,
    /// Something that it is told.
    Argument,
    /// A comment, a variable, a sign.
    Neither,
}

/// The shell's lexer tells, given a letter that is still to be typed.
fn place(text: &str) -> Place {
    let typed = format!("{text}x");
    let last = tokens(&typed).into_iter().next_back();
    match last.filter(|token| token.range.end == typed.len()).map(|token| token.kind) {
        Some(ShellTokenKind::Command) => Place::Command,
        Some(ShellTokenKind::Argument | ShellTokenKind::String | ShellTokenKind::Option) => {
            Place::Argument
        }
        _ => Place::Neither,
    }
}

/// Items replace the word alone, not what the shell's signs join to it.
fn narrow(view: FileView<'_>, items: &mut Items<'_>, word: &str, cursor: u32) {
    let behind = view.text().get(cursor as usize..).unwrap_or_default();
    let end = behind.find(ENDS).unwrap_or(behind.len()).min(line_end(behind));
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(0);
    items.replace(Span::new(cursor.saturating_sub(length(word.len())), cursor + length(end)));
}

/// Where what is written on this line ends.
fn line_end(text: &str) -> usize {
    text.find(['\r', '\\']).unwrap_or(text.len())
}

fn commands(view: FileView<'_>, items: &mut Items<'_>) {
    for name in used(view) {
        items.word(name, CompletionItemKind::FUNCTION).detail =
            Some("used in this layer".to_owned());
    }
    for builtin in BUILTINS.iter().filter(|builtin| builtin.name.len() > 1) {
        let item = items.word(builtin.name, CompletionItemKind::FUNCTION);
        item.detail = Some("bash".to_owned());
        document(item, builtin.doc);
    }
    for program in PROGRAMS {
        items.word(program, CompletionItemKind::FUNCTION);
    }
}

/// What commands of this file and those it starts from begin with; what is offered anyhow is left out.
fn used(view: FileView<'_>) -> BTreeSet<&str> {
    let runs =
        view.lineage().flat_map(|file| &file.analysis().directives).filter_map(|directive| {
            match &directive.instruction {
                Instruction::Run(run) => Some(run.command.value.as_str()),
                _ => None,
            }
        });
    let parts = runs.flat_map(|command| command.split(['&', '|', ';', '\n']));
    let words = parts.filter_map(|part| part.split_whitespace().next());
    words.filter(|word| is_program(word) && !PROGRAMS.contains(word)).collect()
}

/// Whether a word is a plain name that isn't the shell's own.
fn is_program(word: &str) -> bool {
    word.len() > 1
        && word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
        && crate::shell::builtins::builtin(word).is_none()
        && tokens(word).first().is_some_and(|token| token.kind == ShellTokenKind::Command)
}

/// Files that COPY has put where the word leads.
fn copied(view: FileView<'_>, items: &mut Items<'_>, word: &str, cursor: u32) {
    let directives = &view.analysis().directives;
    let index = directives.partition_point(|directive| directive.span.end() < cursor);
    let (directory, shown) = match word.rsplit_once('/') {
        Some(("", shown)) => ("/", shown),
        Some((directory, shown)) => (directory, shown),
        None => (".", word),
    };
    let kept = word.len() - shown.len();
    let names = files::names(view, index, directory);
    items.keep(kept);
    for (name, kind) in names.iter().filter(|(name, _)| is_shown(name, shown)) {
        paths::entry(items, name, *kind).detail = Some("from COPY".to_owned());
    }
}
