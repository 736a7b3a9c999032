//! RUN and BUTTON: the rest of the logical line, as it is.

use super::paths::starts_json_array;
use super::{Argument, Reporter, Statement, WithFix};
use crate::catalog::DirectiveKind;
use crate::directive::{Instruction, Run, RunMode};
use crate::parser::shell;
use crate::rules;
use crate::span::Spanned;

/// A command of at least one character.
pub(super) fn read_run(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    let Some(command) = statement.arguments.first() else {
        let message = format!("`{}` has no command", statement.name());
        let help = format!("write `{}`", statement.info.usage);
        let diagnostic = reporter.at(&rules::MISSING_ARGUMENT, statement.keyword.clone(), message);
        reporter.say(diagnostic.with_help(help));
        return None;
    };
    if starts_json_array(command.text) {
        json_command(command, reporter);
        return None;
    }
    second_modifier(statement, command, reporter);
    shell::check_comment(command, reporter);
    let mode = match statement.info.kind {
        DirectiveKind::RunBackground => RunMode::Background,
        DirectiveKind::RunRepeatable => RunMode::Repeatable,
        _ => RunMode::Plain,
    };
    Some(Instruction::Run(Run { mode, command: reporter.word(command.text, command.range()) }))
}

/// `RUN ["npm", "start"]`.
fn json_command(command: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let message = "`RUN` takes a shell command, not a JSON array";
    let diagnostic = reporter.at(&rules::JSON_ARRAY, command.range(), message);
    let diagnostic = diagnostic.with_help("write the command as in a terminal: `RUN npm start`");
    let inside = command.text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let elements: Option<Vec<&str>> =
        inside.and_then(|inside| inside.split(',').map(plain_element).collect());
    let span = reporter.span(command.range());
    reporter.say(match elements {
        Some(elements) => {
            diagnostic.perhaps("write the elements as a command", span, elements.join(" "))
        }
        None => diagnostic,
    });
}

/// An array element that the shell reads as the same word without its quotes.
fn plain_element(element: &str) -> Option<&str> {
    let element = element.trim().strip_prefix('"')?.strip_suffix('"')?;
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./=:@%+".contains(character);
    (!element.is_empty() && element.chars().all(is_plain)).then_some(element)
}

/// `RUN BACKGROUND REPEATABLE x` runs a program called REPEATABLE.
fn second_modifier(statement: &Statement<'_>, command: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let first = command.text.split([' ', '\t']).next().unwrap_or_default();
    if statement.info.kind == DirectiveKind::Run || !matches!(first, "BACKGROUND" | "REPEATABLE") {
        return;
    }
    let message = format!(
        "`{first}` is run as a program here: `{}` has its modifier already",
        statement.name()
    );
    let rest = command.text.get(first.len()..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start().len();
    let span = reporter.span(command.part(0..first.len() + blanks));
    let diagnostic = reporter.at(&rules::RUN_MODIFIER_TWICE, command.part(0..first.len()), message);
    let diagnostic = diagnostic.with_help("a command is either BACKGROUND or REPEATABLE");
    reporter.say(diagnostic.perhaps("delete the second modifier", span, ""));
}

/// A message, which may be empty.
pub(super) fn read_button(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    let Some(message) = statement.arguments.first() else {
        let diagnostic = reporter.at(
            &rules::EMPTY_BUTTON,
            statement.keyword.clone(),
            "this button says nothing",
        );
        reporter
            .say(diagnostic.with_help("say what pressing it does: `BUTTON deploy to production?`"));
        return Some(Instruction::Button(Spanned::new(
            String::new(),
            reporter.span(statement.end()),
        )));
    };
    if message.text.contains('#') {
        return None; // The check of comments has said so.
    }
    Some(Instruction::Button(reporter.word(message.text, message.range())))
}
