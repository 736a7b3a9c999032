//! `RUN a && b` becomes two steps, and two steps become one.
//!
//! Each RUN is a shell of its own, so nothing may lie between the parts that only a shell keeps: a directory, a
//! variable, an option. What looks like it could is refused.

use super::change::{Change, Edit, Promise, Refusal};
use super::repository::Repository;
use crate::shell::{ShellToken, ShellTokenKind, tokens};
use layerc_compiler::directive::{Instruction, Run, RunMode};
use layerc_compiler::project::{LinkedDirective, LinkedFile};
use layerc_compiler::source_map::LogicalText;
use layerc_compiler::span::{FileId, Span};
use std::ops::Range;

/// Commands that change their shell, so that the next command must be in the same one.
const SHELL_COMMANDS: [&str; 38] = [
    ".",
    ":",
    "alias",
    "bg",
    "builtin",
    "cd",
    "command",
    "declare",
    "disown",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "fg",
    "getopts",
    "hash",
    "jobs",
    "let",
    "local",
    "mapfile",
    "popd",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "trap",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

/// Special variables that tell of the command before.
const SHELL_VARIABLES: [&str; 7] =
    ["$?", "$!", "$$", "$_", "$PIPESTATUS", "${PIPESTATUS", "$BASHPID"];

/// Splits the RUN at `offset` into one step for each part of `a && b && c`.
///
/// # Errors
/// If there is none, it has no `&&` at its top, or its parts need each other's shell.
pub fn split_run(repository: &Repository<'_>, id: FileId, offset: u32) -> Result<Change, Refusal> {
    let file = repository.sound_file(id)?;
    let index = run_at(file, offset)?;
    let linked = file.directives.get(index).ok_or_else(no_run)?;
    let text = repository.part(file, linked.directive.span)?;
    let command_start = plain_run(linked)?.command.span.start() - linked.directive.span.start();
    let logical = LogicalText::new(text);
    let command = command_range(&logical, command_start);
    let shell = logical.text().get(command.clone()).unwrap_or_default();
    let parts = parts(shell)?;
    let mut steps = Vec::with_capacity(parts.len());
    for part in parts {
        let offset = |index: usize| u32::try_from(command.start + index).unwrap_or(u32::MAX);
        let original = logical.span(offset(part.start)..offset(part.end));
        steps.push(format!("RUN {}", text.get(original.range()).unwrap_or_default()));
    }
    let title = format!("split into {} steps", steps.len());
    let edit = Edit { span: linked.directive.span, replacement: steps.join("\n") };
    Ok(Change::of_file(title, Promise::SameCommands, file.path.clone(), vec![edit]))
}

/// Joins the RUN at `offset` with the one behind it.
///
/// # Errors
/// If one of them isn't there, something stands between them, or one leaves its shell changed.
pub fn join_runs(repository: &Repository<'_>, id: FileId, offset: u32) -> Result<Change, Refusal> {
    let file = repository.sound_file(id)?;
    let index = run_at(file, offset)?;
    let pair = file.directives.get(index..index + 2);
    let Some([first, second]) = pair else {
        return Err(Refusal::because("no step follows this one"));
    };
    for linked in [first, second] {
        parts_or_whole(&plain_run(linked)?.command.value)?;
    }
    let between = Span::new(first.directive.span.end(), second.directive.span.start());
    if !repository.part(file, between)?.trim().is_empty() {
        return Err(Refusal::because("a comment stands between the steps"));
    }
    let replaced = Span::new(between.start(), plain_run(second)?.command.span.start());
    let edit = Edit { span: replaced, replacement: " && \\\n    ".to_owned() };
    Ok(Change::of_file(
        "join with the next step",
        Promise::SameCommands,
        file.path.clone(),
        vec![edit],
    ))
}

fn no_run() -> Refusal {
    Refusal::because("there is no plain RUN here")
}

fn run_at(file: &LinkedFile, offset: u32) -> Result<usize, Refusal> {
    let index = file
        .directives
        .iter()
        .position(|linked| linked.directive.span.touches(offset) && plain_run(linked).is_ok());
    index.ok_or_else(no_run)
}

fn plain_run(linked: &LinkedDirective) -> Result<&Run, Refusal> {
    match &linked.directive.instruction {
        Instruction::Run(run) if run.mode == RunMode::Plain => Ok(run),
        _ => Err(no_run()),
    }
}

/// Where in the logical text of an instruction its command is, which starts at an original offset.
fn command_range(logical: &LogicalText<'_>, original_start: u32) -> Range<usize> {
    let length = u32::try_from(logical.text().len()).unwrap_or(u32::MAX);
    let start = (0..length).find(|index| logical.original_start(*index) >= original_start);
    start.unwrap_or(length) as usize..logical.text().len()
}

/// The parts of a command between `&&`.
fn parts(command: &str) -> Result<Vec<Range<usize>>, Refusal> {
    let parts = parts_or_whole(command)?;
    if parts.len() < 2 {
        return Err(Refusal::because("the command has no parts that are joined by `&&`"));
    }
    Ok(parts)
}

/// The parts of a command between `&&`, perhaps only one.
fn parts_or_whole(command: &str) -> Result<Vec<Range<usize>>, Refusal> {
    let tokens = tokens(command);
    let text = |token: &ShellToken| command.get(token.range.clone()).unwrap_or_default();
    let mut parts = Vec::new();
    let mut start = 0;
    for token in &tokens {
        refuse(token, text(token))?;
        if token.depth == 1 && text(token) == "&&" {
            parts.push(trimmed(command, start..token.range.start));
            start = token.range.end;
        }
    }
    parts.push(trimmed(command, start..command.len()));
    for part in &parts {
        let has = |kind: ShellTokenKind| {
            let inside =
                |token: &&ShellToken| token.depth == 1 && part.contains(&token.range.start);
            tokens.iter().filter(inside).any(|token| token.kind == kind)
        };
        if has(ShellTokenKind::Assignment) && !has(ShellTokenKind::Command) {
            return Err(Refusal::because(
                "a part sets a variable, which only its own shell would see",
            ));
        }
    }
    Ok(parts)
}

fn refuse(token: &ShellToken, text: &str) -> Result<(), Refusal> {
    if token.kind == ShellTokenKind::Variable
        && SHELL_VARIABLES.iter().any(|name| text.starts_with(name))
    {
        return Err(Refusal::because(format!("`{text}` tells of its own shell")));
    }
    if token.depth > 1 {
        return Ok(());
    }
    match token.kind {
        ShellTokenKind::Command if SHELL_COMMANDS.contains(&text) => Err(Refusal::because(
            format!("`{text}` changes the shell, and the next step would have another"),
        )),
        ShellTokenKind::Keyword => {
            Err(Refusal::because(format!("`{text}` holds the parts together")))
        }
        ShellTokenKind::Comment => Err(Refusal::because("a comment stands in the command")),
        ShellTokenKind::Operator if matches!(text, ";" | "||" | "&" | ";;" | "((") => {
            Err(Refusal::because(format!("`{text}` binds the parts in another way than `&&`")))
        }
        _ => Ok(()),
    }
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}
