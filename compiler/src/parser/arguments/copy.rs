//! COPY: sources and a destination.

use super::paths::check_words;
use super::shape::{expect_words, to_word, to_words};
use super::{Reporter, Statement, WithFix};
use crate::directive::{Copy, Instruction};
use crate::rules;

/// At least two words; with several sources the destination must be a directory by its spelling.
pub(super) fn read(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Instruction> {
    check_words(statement, reporter)?;
    let words = expect_words(statement, 2..=usize::MAX, reporter)?;
    let (destination, sources) = words.split_last()?;
    if sources.len() > 1 && !destination.text.ends_with('/') {
        let text = destination.text;
        let message = format!(
            "{} files are copied, so the destination `{text}` must end with `/`",
            sources.len()
        );
        let span = reporter.span(destination.range());
        let diagnostic = reporter.at(&rules::COPY_DESTINATION, destination.range(), message);
        let help = format!(
            "write `{text}/`; only blanks separate words, quotes and backslashes join nothing"
        );
        reporter.say(diagnostic.with_help(help).safely(
            "end it with `/`",
            span,
            format!("{text}/"),
        ));
        return None;
    }
    let copy =
        Copy { sources: to_words(sources, reporter), destination: to_word(destination, reporter) };
    Some(Instruction::Copy(copy))
}
