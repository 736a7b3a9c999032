//! LABEL: `key=value` pairs of a narrow alphabet.

use super::shape::{Misfit, expect_words, fit_word};
use super::{Argument, Reporter, Statement, WithFix};
use crate::directive::{Instruction, LabelPair};
use crate::nearest::nearest;
use crate::rules;
use chumsky::prelude::{Parser, any, just};

/// The keys that mean something.
const KEYS: &[&str] = &["display_name", "status"];

/// The values of `status`.
const STATUSES: &[&str] = &["merge", "hidden"];

fn pair<'text>() -> impl Parser<'text, &'text str, (&'text str, &'text str), Misfit> {
    let part = || {
        let fits =
            |character: &char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        any().filter(fits).repeated().at_least(1).to_slice()
    };
    part().then_ignore(just('=')).then(part())
}

/// At least one pair.
pub(super) fn read(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Instruction> {
    let words = expect_words(statement, 1..=usize::MAX, reporter)?;
    if let [key, value] = words.as_slice()
        && KEYS.contains(&key.text)
        && !value.text.contains('=')
    {
        spaced_pair(key, value, reporter);
        return None;
    }
    let pairs: Vec<_> = words.iter().map(|word| read_pair(word, reporter)).collect();
    pairs.into_iter().collect::<Option<Vec<_>>>().map(Instruction::Label)
}

fn spaced_pair(key: &Argument<'_>, value: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let range = key.start()..value.end();
    let fixed = format!("{}={}", key.text, value.text);
    let span = reporter.span(range.clone());
    let message = format!("`{}` and its value must be joined by `=`", key.text);
    let diagnostic = reporter
        .at(&rules::LABEL_SYNTAX, range, message)
        .with_help(format!("write `LABEL {fixed}`"));
    reporter.say(diagnostic.safely("write `=`", span, fixed));
}

fn read_pair(word: &Argument<'_>, reporter: &mut Reporter<'_>) -> Option<LabelPair> {
    let Some((key, value)) = fit_word(word.text, pair()) else {
        let message = format!("`{}` is not `key=value`", word.text);
        let help =
            "keys and values hold letters, digits, `_` and `-`; quotes and blanks are not possible";
        reporter.say(reporter.at(&rules::LABEL_SYNTAX, word.range(), message).with_help(help));
        return None;
    };
    let key_word = reporter.word(key, word.part(0..key.len()));
    let value_range = word.part(key.len() + 1..word.text.len());
    check_meaning(key, value, word, reporter)?;
    Some(LabelPair { key: key_word, value: reporter.word(value, value_range) })
}

/// `None` for a status that does not exist; unknown keys are only warned about, for they may be known one day.
fn check_meaning(
    key: &str,
    value: &str,
    word: &Argument<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<()> {
    let key_range = word.part(0..key.len());
    let value_range = word.part(key.len() + 1..word.text.len());
    if !KEYS.iter().any(|known| known.eq_ignore_ascii_case(key)) {
        let diagnostic = reporter.at(
            &rules::LABEL_KEY,
            key_range.clone(),
            format!("nothing reads the label `{key}`"),
        );
        let diagnostic = diagnostic.with_help("the labels are `display_name` and `status`");
        let span = reporter.span(key_range);
        reporter.say(match nearest(key, KEYS.iter().copied()).first() {
            Some(known) => diagnostic.perhaps(&format!("write `{known}`"), span, known),
            None => diagnostic,
        });
        return Some(());
    }
    let is_status = key.eq_ignore_ascii_case("status");
    if is_status && !STATUSES.iter().any(|known| known.eq_ignore_ascii_case(value)) {
        let message = format!("there is no status `{value}`");
        let help =
            "`status=merge` shows one result for all copies of a SPLIT, `status=hidden` shows none";
        reporter.say(reporter.at(&rules::LABEL_STATUS, value_range, message).with_help(help));
        return None;
    }
    Some(())
}
