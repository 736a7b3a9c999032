//! RUN: commands that bash itself can't read, so that the step fails before anything in it ran.
//!
//! A library parses them. Most commands are a few plain words and are never given to it. What it might misjudge, or take
//! long for, is left alone: this check is silent rather than wrong.

use super::{Checked, File, found};
use crate::directive::Run;
use crate::limits::{MAX_SHELL_BRACKETS, MAX_SHELL_CASES, MAX_SHELL_SCRIPT_BYTES};
use crate::rules;
use brush_parser::{ParseError, Parser, ParserOptions, SourcePosition, TokenizerError};
use std::ops::Range;

/// Words that open or close something.
const RESERVED: [&str; 21] = [
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac",
    "function", "coproc", "{", "}", "[[", "]]", "!", "time", "in",
];

/// Operators that stand between two words.
const BETWEEN: [&str; 7] = ["&&", "||", "|", ";", ">", ">>", "<"];

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    for (_, run) in file.runs() {
        check_command(file, run, checked);
    }
}

fn check_command(file: &File<'_>, run: &Run, checked: &mut Checked) {
    let text = run.command.value.as_str();
    if is_plain(text) || !is_judged(text) {
        return;
    }
    let Some(problem) = problem(text) else { return };
    let span = file.located(&run.command).span(&problem.place);
    let help = "bash reads the whole command before it starts anything, so this step can only fail";
    checked.add(found(&rules::SHELL_SYNTAX, span, problem.message).with_help(help));
}

/// Whether a text is so simple that bash reads it for sure: plain words with operators between them.
fn is_plain(text: &str) -> bool {
    let mut between = true;
    for word in words(text) {
        let is_operator = BETWEEN.contains(&word);
        if is_operator && between || !is_operator && !is_plain_word(word) {
            return false;
        }
        between = is_operator;
    }
    !between
}

/// The words of a text, quotes and what is in them included.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let words = text.split(move |character: char| match quote {
        None if matches!(character, '"' | '\'') => {
            quote = Some(character);
            false
        }
        None => character.is_ascii_whitespace(),
        Some(opened) => {
            quote = quote.filter(|_| opened != character);
            false
        }
    });
    words.filter(|word| !word.is_empty())
}

/// Letters that mean themselves and variables, also in quotes that are closed. An escaped quote is nothing plain.
fn is_plain_word(word: &str) -> bool {
    let (mut quote, mut before) = (None, b' ');
    let is_plain = word.bytes().all(|byte| {
        let after_dollar = std::mem::replace(&mut before, byte) == b'$' && quote != Some(b'\'');
        if after_dollar {
            return byte.is_ascii_alphabetic() || byte == b'_';
        }
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(opened), _) if opened == byte => quote = None,
            (Some(b'\''), _) | (Some(_), b' ') => {}
            _ => return byte.is_ascii_alphanumeric() || b"_./:=,@%+-$".contains(&byte),
        }
        true
    });
    is_plain && quote.is_none() && before != b'$' && !RESERVED.contains(&word)
}

/// Whether the library's word is taken. It doesn't know `select`; here-documents have a rule of their own; and its time
/// grows steeply with what is nested.
fn is_judged(text: &str) -> bool {
    let words = || text.split(|character: char| !character.is_ascii_alphanumeric());
    let count = |wanted: &[&str]| words().filter(|word| wanted.contains(word)).count();
    let brackets = text.bytes().filter(|byte| matches!(byte, b'(' | b'{' | b'[')).count();
    text.len() <= MAX_SHELL_SCRIPT_BYTES
        && !text.contains("<<")
        && count(&["select"]) == 0
        && count(&["case"]) <= MAX_SHELL_CASES
        && brackets + count(&["if", "for", "while", "until", "function"]) <= MAX_SHELL_BRACKETS
}

/// What bash can't read.
struct Problem {
    message: String,
    place: Range<usize>,
}

fn problem(text: &str) -> Option<Problem> {
    let error = Parser::new(text.as_bytes(), &ParserOptions::default()).parse_program().err()?;
    Some(match error {
        ParseError::ParsingNear(position) => {
            let place = word_at(text, byte_of(text, &position));
            let word = text.get(place.clone()).unwrap_or_default();
            Problem { message: format!("bash can't read this command: unexpected `{word}`"), place }
        }
        ParseError::ParsingAtEndOfInput => {
            let place = word_at(text, text.trim_end().len().saturating_sub(1));
            let word = text.get(place.clone()).unwrap_or_default();
            let message = format!(
                "bash can't read this command: something is missing or out of place at `{word}`"
            );
            Problem { message, place }
        }
        ParseError::Tokenizing { inner, .. } => unclosed(text, &inner)?,
    })
}

/// Something that is opened and not closed; the place is where it begins.
fn unclosed(text: &str, error: &TokenizerError) -> Option<Problem> {
    let at = |position: &SourcePosition| byte_of(text, position);
    let (what, start) = match error {
        TokenizerError::UnterminatedSingleQuote(opened) => ("a `'`", at(opened)),
        TokenizerError::UnterminatedAnsiCQuote(opened) => ("a `$'`", at(opened)),
        TokenizerError::UnterminatedDoubleQuote(opened) => ("a `\"`", at(opened)),
        TokenizerError::UnterminatedBackquote(opened) => ("a backtick", at(opened)),
        TokenizerError::UnterminatedCommandSubstitution | TokenizerError::UnterminatedExpansion => {
            ("a `$(`", last_open(text, "$(", ('(', ')'))?)
        }
        TokenizerError::UnterminatedVariable => ("a `${`", last_open(text, "${", ('{', '}'))?),
        _ => return None,
    };
    let message = format!("bash can't read this command: {what} is not closed");
    let start = start.min(text.len());
    Some(Problem { message, place: start..text.trim_end().len().max(start) })
}

/// Where the last `opening` stands behind which fewer brackets close than open.
fn last_open(text: &str, opening: &str, (opens, closes): (char, char)) -> Option<usize> {
    text.rmatch_indices(opening).map(|(at, _)| at).find(|at| {
        let rest = text.get(*at..).unwrap_or_default();
        rest.matches(closes).count() < rest.matches(opens).count()
    })
}

fn byte_of(text: &str, position: &SourcePosition) -> usize {
    text.char_indices().nth(position.index).map_or(text.len(), |(byte, _)| byte)
}

/// The word or the operator that `byte` is in, or the one behind the blanks there.
fn word_at(text: &str, byte: usize) -> Range<usize> {
    let blanks = text.get(byte..).map_or(0, |rest| rest.len() - rest.trim_start().len());
    let byte = (byte + blanks).min(text.len());
    let is_operator = |character: char| "|&;()<>".contains(character);
    let kind = text.get(byte..).and_then(|rest| rest.chars().next()).map(is_operator);
    let ends = |character: char| character.is_whitespace() || Some(is_operator(character)) != kind;
    let before = text.get(..byte).unwrap_or_default();
    let start = before.rfind(ends).map_or(0, |at| {
        at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
    });
    let rest = text.get(byte..).unwrap_or_default();
    start..byte + rest.find(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::{is_plain, problem};
    use proptest::prelude::{any, proptest};
    use proptest::sample::select;

    const PIECES: [&str; 26] = [
        "a", "b.c", "if", "fi", "in", "{", " ", "  ", "\t", "&&", "||", "|", ";", ">", "<", "\"",
        "'", "$", "$A", "\\", "(", ")", "#", "!", "é", "`",
    ];

    #[test]
    fn words_quotes_and_variables_are_plain() {
        for text in ["make", "a && b > c", "echo \"$HOME/x y\" 'it is $(' | cat $A_1", "A=1 \"if\""]
        {
            assert!(is_plain(text) && problem(text).is_none(), "{text}");
        }
        for text in ["", "a |", "a ;; b", "echo \"", "echo \"$(\"", "echo $", "if a", "a \\\" b"] {
            assert!(!is_plain(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_plain_has_no_problem(pieces in proptest::collection::vec(select(&PIECES[..]), 0..12), letter in any::<char>()) {
            for text in [pieces.concat(), format!("{}{letter}{}", pieces.concat(), pieces.concat())] {
                assert!(!is_plain(&text) || problem(&text).is_none(), "{text}");
            }
        }
    }
}
