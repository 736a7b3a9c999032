//! MEMORY, SPLIT and USER: one word of a narrow grammar.

use super::paths::check_words;
use super::shape::{Misfit, expect_words, fit_word, misfit, to_word};
use super::{Argument, Reporter, Statement, WithFix};
use crate::directive::{Instruction, Memory, Split, SplitOrder};
use crate::limits::MAX_SPLIT_COPIES;
use crate::rules;
use crate::span::Spanned;
use chumsky::prelude::{Parser, any, one_of};

/// An amount: digits and a unit.
fn amount<'text>() -> impl Parser<'text, &'text str, (&'text str, Option<char>), Misfit> {
    let digits = any().filter(char::is_ascii_digit).repeated().at_least(1).to_slice();
    digits.then(one_of("KMGkmg").or_not())
}

/// `2G`, `512m` or plain bytes.
pub(super) fn read_memory(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    if let [number, unit] = statement.arguments.as_slice()
        && number.text.bytes().all(|byte| byte.is_ascii_digit())
        && let Some(joined) = with_one_letter(&format!("{}{}", number.text, unit.text))
    {
        return separated_unit(number, unit, &joined, reporter);
    }
    let words = expect_words(statement, 1..=1, reporter)?;
    let word = words.first()?;
    let bytes = fit_word(word.text, amount()).and_then(|(digits, unit)| to_bytes(digits, unit));
    let Some(bytes) = bytes else {
        wrong_amount(word, reporter);
        return None;
    };
    Some(Instruction::Memory(Memory { bytes, text: to_word(word, reporter) }))
}

fn to_bytes(digits: &str, unit: Option<char>) -> Option<u64> {
    let factor: u64 = match unit.map(|unit| unit.to_ascii_uppercase()) {
        Some('G') => 1 << 30,
        Some('M') => 1 << 20,
        Some('K') => 1 << 10,
        _ => 1,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn separated_unit(
    number: &Argument<'_>,
    unit: &Argument<'_>,
    joined: &str,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    let range = number.start()..unit.end();
    let span = reporter.span(range.clone());
    let diagnostic =
        reporter.at(&rules::MEMORY_AMOUNT, range, "no blank may stand between number and unit");
    reporter.say(diagnostic.with_help(format!("write `MEMORY {joined}`")).safely(
        "write number and letter as one word",
        span,
        joined,
    ));
    None
}

fn wrong_amount(word: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let message = format!("`{}` is not an amount of memory", word.text);
    let diagnostic = reporter.at(&rules::MEMORY_AMOUNT, word.range(), message);
    let help = "write a whole number and one of `K`, `M` and `G`, for example `2G` or `1536M`";
    let diagnostic = diagnostic.with_help(help);
    let span = reporter.span(word.range());
    reporter.say(match with_one_letter(word.text) {
        Some(fixed) => diagnostic.safely("write the unit as one letter", span, fixed),
        None => diagnostic,
    });
}

/// The amount that `2GB` or `2gib` means, as the language writes it; also what it writes already.
fn with_one_letter(text: &str) -> Option<String> {
    let (digits, unit) =
        text.split_at_checked(text.bytes().take_while(u8::is_ascii_digit).count())?;
    let unit = unit.to_ascii_uppercase();
    let letter = unit.strip_suffix("IB").or(unit.strip_suffix('B')).unwrap_or(&unit);
    let amount_text = format!("{digits}{letter}");
    (letter.len() == 1 && fit_word(&amount_text, amount()).is_some()).then_some(amount_text)
}

/// The word that makes all copies alike.
const UNORDERED: &str = "UNORDERED";

/// A number of copies, perhaps after UNORDERED.
pub(super) fn read_split(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    let (order, rest) = match statement.arguments.as_slice() {
        [first, rest @ ..] if first.text == UNORDERED => (SplitOrder::Unordered, rest),
        rest => (SplitOrder::Ordered, rest),
    };
    let consumed = statement.arguments.len() - rest.len();
    let [word] = rest else {
        misfit(statement, (consumed + 1).min(statement.arguments.len()), reporter);
        return None;
    };
    let is_number = word.text.bytes().all(|byte| byte.is_ascii_digit());
    let copies = is_number.then(|| word.text.parse::<u32>().ok()).flatten();
    let Some(copies) = copies.filter(|copies| (1..=MAX_SPLIT_COPIES).contains(copies)) else {
        let message = format!("`{}` is not a number of copies", word.text);
        let help =
            format!("write a number from 1 to {MAX_SPLIT_COPIES}; variables are not expanded here");
        reporter.say(reporter.at(&rules::SPLIT_COUNT, word.range(), message).with_help(help));
        return None;
    };
    Some(Instruction::Split(Split {
        copies: Spanned::new(copies, reporter.span(word.range())),
        order,
    }))
}

/// A name as Linux knows it.
pub(super) fn read_user(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    check_words(statement, reporter)?;
    let words = expect_words(statement, 1..=1, reporter)?;
    let word = words.first()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !word.text.bytes().all(fits) {
        let message = format!("`{}` is not a user name", word.text);
        let help = "write one name of letters, digits, `.`, `_` and `-`; groups and variables may not stand here";
        reporter.say(reporter.at(&rules::USER_NAME, word.range(), message).with_help(help));
        return None;
    }
    Some(Instruction::User(to_word(word, reporter)))
}
