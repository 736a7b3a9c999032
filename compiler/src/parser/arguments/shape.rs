//! The shapes of argument lists, as grammars.
//!
//! A shape that does not fit says only where; the words about it are made here, from the catalogue, or by the
//! directive that knows better.

use super::{Argument, Reporter, Statement, WithFix};
use crate::catalog::keyword_at;
use crate::directive::Word;
use crate::rules;
use crate::token::TokenKind;
use chumsky::error::Cheap;
use chumsky::extra;
use chumsky::prelude::{IterParser, Parser, any};

/// What a shape is matched against.
pub(super) type Arguments<'text> = &'text [Argument<'text>];

/// A failure is only a place.
pub(super) type Misfit = extra::Err<Cheap>;

/// An argument of `kind`.
pub(super) fn argument<'text>(
    kind: TokenKind,
) -> impl Parser<'text, Arguments<'text>, Argument<'text>, Misfit> + Clone {
    any().filter(move |argument: &Argument<'text>| argument.kind == kind)
}

/// Words between blanks, as many as `count` says.
fn words<'text>(
    count: std::ops::RangeInclusive<usize>,
) -> impl Parser<'text, Arguments<'text>, Vec<Argument<'text>>, Misfit> {
    argument(TokenKind::Word).repeated().at_least(*count.start()).at_most(*count.end()).collect()
}

/// Matches all arguments; otherwise the index of the first that does not fit (their number if one is missing).
pub(super) fn fit<'text, Output>(
    arguments: Arguments<'text>,
    shape: impl Parser<'text, Arguments<'text>, Output, Misfit>,
) -> Result<Output, usize> {
    let furthest = |misfits: Vec<Cheap>| misfits.iter().map(|misfit| misfit.span().start).max();
    shape
        .parse(arguments)
        .into_result()
        .map_err(|misfits| furthest(misfits).unwrap_or(arguments.len()))
}

/// Matches a word against a grammar of its characters.
pub(super) fn fit_word<'text, Output>(
    word: &'text str,
    grammar: impl Parser<'text, &'text str, Output, Misfit>,
) -> Option<Output> {
    grammar.parse(word).into_output_errors().0
}

/// As many words as `count` says, or a report that there are too few or too many.
pub(super) fn expect_words<'text>(
    statement: &'text Statement<'text>,
    count: std::ops::RangeInclusive<usize>,
    reporter: &mut Reporter<'_>,
) -> Option<Vec<Argument<'text>>> {
    let fitted = fit(&statement.arguments, words(count));
    fitted.map_err(|index| misfit(statement, index, reporter)).ok()
}

/// Reports the argument at `index` as one too many, or as missing when there is none.
pub(super) fn misfit(statement: &Statement<'_>, index: usize, reporter: &mut Reporter<'_>) {
    match statement.arguments.get(index) {
        Some(argument) if keyword_at(argument.text).is_some() => {
            second_instruction(statement, argument, reporter);
        }
        Some(argument) => unexpected(statement, argument, reporter),
        None => missing(statement, reporter),
    }
}

fn missing(statement: &Statement<'_>, reporter: &mut Reporter<'_>) {
    let name = statement.name();
    let (place, message) = if statement.arguments.is_empty() {
        (statement.keyword.clone(), format!("`{name}` needs an argument"))
    } else {
        (statement.range(), format!("`{name}` needs another argument"))
    };
    let help = format!("write `{}`", statement.info.usage);
    reporter.say(reporter.at(&rules::MISSING_ARGUMENT, place, message).with_help(help));
}

fn second_instruction(
    statement: &Statement<'_>,
    argument: &Argument<'_>,
    reporter: &mut Reporter<'_>,
) {
    let message = format!(
        "`{}` starts a second instruction on the line of `{}`",
        argument.text,
        statement.name()
    );
    let gap =
        statement.blank_before(argument.start()).map_or(argument.start(), |blank| blank.start);
    let span = reporter.span(gap..argument.start());
    let covered = argument.start()..statement.range().end;
    let diagnostic = reporter.at(&rules::SECOND_INSTRUCTION, covered, message);
    let diagnostic = diagnostic.with_help("write every instruction on a line of its own");
    reporter.say(diagnostic.safely("start a new line", span, "\n"));
}

fn unexpected(statement: &Statement<'_>, argument: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let covered = argument.start()..statement.range().end;
    let message =
        format!("`{}` is one argument too many for `{}`", argument.text, statement.name());
    let help = format!("write `{}`", statement.info.usage);
    reporter.say(reporter.at(&rules::UNEXPECTED_ARGUMENT, covered, message).with_help(help));
}

/// The words as the rest of the compiler sees them.
pub(super) fn to_words(arguments: &[Argument<'_>], reporter: &Reporter<'_>) -> Vec<Word> {
    arguments.iter().map(|argument| to_word(argument, reporter)).collect()
}

/// One word as the rest of the compiler sees it.
pub(super) fn to_word(argument: &Argument<'_>, reporter: &Reporter<'_>) -> Word {
    reporter.word(argument.text, argument.range())
}
