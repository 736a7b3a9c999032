//! ENV, and the lists of names of BUILD ENV and SECRET ENV.

use super::shape::{Arguments, Misfit, argument, expect_words, fit, misfit, to_word, to_words};
use super::{Argument, Reporter, Statement, WithFix};
use crate::directive::{EnvPair, Instruction, Word};
use crate::lexer::closing_parenthesis;
use crate::parser::shell;
use crate::rules;
use crate::span::Spanned;
use crate::token::TokenKind;
use chumsky::prelude::{IterParser, Parser, any};

/// A part of ENV. The grammar takes everything, so that each part can be judged by itself.
#[derive(Debug, Clone, Copy)]
enum Item<'text> {
    /// `name=value`, `name=` or, broken, `=value`.
    Pair {
        name: Option<Argument<'text>>,
        operator: Argument<'text>,
        value: Option<Argument<'text>>,
    },
    /// `name value`.
    Spaced { name: Argument<'text>, value: Argument<'text> },
    /// `name = value`, `name =value`.
    SpacedOperator {
        name: Argument<'text>,
        value: Option<Argument<'text>>,
        operator: Argument<'text>,
    },
    /// A word that belongs to nothing.
    Stray(Argument<'text>),
}

impl Item<'_> {
    fn start(&self) -> u32 {
        match self {
            Item::Pair { name, operator, .. } => name.map_or(operator.start(), |name| name.start()),
            Item::Spaced { name, .. } | Item::SpacedOperator { name, .. } | Item::Stray(name) => {
                name.start()
            }
        }
    }

    fn end(&self) -> u32 {
        match self {
            Item::Pair { operator, value, .. } | Item::SpacedOperator { operator, value, .. } => {
                value.map_or(operator.end(), |value| value.end())
            }
            Item::Spaced { value, .. } | Item::Stray(value) => value.end(),
        }
    }
}

fn items<'text>() -> impl Parser<'text, Arguments<'text>, Vec<Item<'text>>, Misfit> {
    let word = || argument(TokenKind::Word);
    let operator = || argument(TokenKind::Operator);
    let value = || argument(TokenKind::Value);
    let spaced_operator = word()
        .then(operator())
        .then(value().or(word()).or_not())
        .map(|((name, operator), value)| Item::SpacedOperator { name, operator, value });
    let pair = argument(TokenKind::Name)
        .or_not()
        .then(operator())
        .then(value().or_not())
        .map(|((name, operator), value)| Item::Pair { name, operator, value });
    let spaced = word().then(word()).map(|(name, value)| Item::Spaced { name, value });
    spaced_operator.or(pair).or(spaced).or(any().map(Item::Stray)).repeated().collect()
}

/// At least one assignment, and nothing else.
pub(super) fn read(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Instruction> {
    let items = fit(&statement.arguments, items()).unwrap_or_default();
    if items.is_empty() {
        misfit(statement, 0, reporter);
        return None;
    }
    if let [Item::Stray(only)] = items.as_slice() {
        missing_value(only, reporter);
        return None;
    }
    let mut pairs = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|index| items.get(index));
        let is_joined = previous.is_some_and(|previous| previous.end() == item.start());
        let pair = if is_joined {
            leftover(item, previous, reporter)
        } else {
            read_item(item, previous, reporter)
        };
        pairs.push(pair?);
    }
    Some(Instruction::Env(pairs))
}

fn read_item(
    item: &Item<'_>,
    previous: Option<&Item<'_>>,
    reporter: &mut Reporter<'_>,
) -> Option<EnvPair> {
    match item {
        Item::Pair { name: Some(name), operator, value } => {
            read_pair(name, operator.end(), value.as_ref(), reporter)
        }
        Item::Spaced { name, value } => read_pair(name, value.start(), Some(value), reporter),
        Item::Pair { name: None, operator, .. } => {
            let message = "the name before `=` is missing";
            let help = "write `ENV NAME=value`, without blanks around `=`";
            reporter
                .say(reporter.at(&rules::VARIABLE_NAME, operator.range(), message).with_help(help));
            None
        }
        Item::SpacedOperator { name, operator, value } => {
            spaced_equals(name, operator, value.as_ref(), reporter);
            None
        }
        Item::Stray(_) => leftover(item, previous, reporter),
    }
}

fn read_pair(
    name: &Argument<'_>,
    value_start: u32,
    value: Option<&Argument<'_>>,
    reporter: &mut Reporter<'_>,
) -> Option<EnvPair> {
    check_name(name, reporter)?;
    let Some(value) = value else {
        let empty = Spanned::new(String::new(), reporter.span(value_start..value_start));
        return Some(EnvPair { key: to_word(name, reporter), value: empty });
    };
    if let Some(opening) = unclosed(value.text) {
        report_unclosed(name, value, &opening, reporter);
        return None;
    }
    nested_substitution(value, reporter);
    Some(EnvPair { key: to_word(name, reporter), value: to_word(value, reporter) })
}

fn missing_value(only: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let text = only.text;
    let message = format!("`{text}` has no value");
    let diagnostic = reporter.at(&rules::ENV_MISSING_VALUE, only.range(), message);
    let span = reporter.span(only.range());
    let diagnostic = match text.split_once(':') {
        Some((name, value)) if is_name(name) && !value.is_empty() => {
            let fixed = format!("{name}={value}");
            diagnostic.with_help(format!("write `ENV {fixed}`")).safely("write `=`", span, fixed)
        }
        _ => diagnostic
            .with_help(format!("write `ENV {text}=value`, or `ENV {text}=` for an empty one")),
    };
    reporter.say(diagnostic);
}

fn spaced_equals(
    name: &Argument<'_>,
    operator: &Argument<'_>,
    value: Option<&Argument<'_>>,
    reporter: &mut Reporter<'_>,
) {
    let end = value.map_or(operator.end(), Argument::end);
    let range = name.start()..end;
    let fixed = format!("{}={}", name.text, value.map_or("", |value| value.text));
    let span = reporter.span(range.clone());
    let diagnostic =
        reporter.at(&rules::ENV_SPACED_EQUALS, range, "no blanks may stand around `=`");
    reporter.say(diagnostic.with_help(format!("write `{fixed}`")).safely(
        "delete the blanks",
        span,
        fixed,
    ));
}

/// Reports a word that no assignment takes. Always `None`.
fn leftover(
    item: &Item<'_>,
    previous: Option<&Item<'_>>,
    reporter: &mut Reporter<'_>,
) -> Option<EnvPair> {
    let range = item.start()..item.end();
    let logical = reporter.logical().text();
    let text = logical.get(range.start as usize..range.end as usize).unwrap_or_default();
    let diagnostic = reporter.at(
        &rules::ENV_LEFTOVER,
        range.clone(),
        format!("`{text}` belongs to no assignment"),
    );
    let diagnostic = match previous {
        _ if text == "\\" => diagnostic.with_help("end the line with one backslash, not with two"),
        Some(Item::Pair { operator, value: None, .. }) => {
            let gap = reporter.span(operator.end()..range.start);
            let help = "a value starts right behind `=`";
            diagnostic.with_help(help).perhaps("delete the blank behind `=`", gap, "")
        }
        Some(Item::Pair { value: Some(value), .. } | Item::Spaced { value, .. }) => {
            let help = format!(
                "if it belongs to the value before it, quote the whole value: {}",
                quoted(value.text, text)
            );
            diagnostic.with_help(help)
        }
        _ => diagnostic.with_help("write `NAME=value` pairs, separated by blanks"),
    };
    reporter.say(diagnostic);
    None
}

/// How two words look as one quoted value, for a help text.
fn quoted(value: &str, rest: &str) -> String {
    let bare = format!("{value} {rest}").replace('\'', "");
    format!("`'{bare}'`")
}

/// What a value opens and does not close.
fn unclosed(value: &str) -> Option<String> {
    let substitution =
        value.strip_prefix("$(").filter(|inside| closing_parenthesis(inside).is_none());
    substitution.map(|_| "$(".to_owned()).or_else(|| shell::scan(value).unclosed.map(String::from))
}

fn report_unclosed(
    name: &Argument<'_>,
    value: &Argument<'_>,
    opening: &str,
    reporter: &mut Reporter<'_>,
) {
    let message = format!("the value of `{}` has a `{opening}` that is not closed", name.text);
    let help = if value.text.starts_with(opening) {
        "close it on the same line; to go on in the next line, end the line with a backslash"
    } else {
        "quotes group words only where they start the value: quote all of it"
    };
    reporter.say(reporter.at(&rules::ENV_UNCLOSED_QUOTE, value.range(), message).with_help(help));
}

/// The vendor's parser ends `$(…)` at the first closing parenthesis.
fn nested_substitution(value: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let is_cut = value.text.starts_with("$(")
        && value.text.find(')').is_some_and(|first| first + 1 < value.text.len());
    if !is_cut || !value.text.contains(' ') {
        return;
    }
    let message = "the vendor's parser ends this value at its first `)`";
    let help = "compute the inner part in an ENV of its own, or quote the whole value";
    reporter
        .say(reporter.at(&rules::ENV_NESTED_SUBSTITUTION, value.range(), message).with_help(help));
}

/// At least one name of a variable, no values.
pub(super) fn read_names(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Vec<Word>> {
    let words = expect_words(statement, 1..=usize::MAX, reporter)?;
    let judged: Vec<_> =
        words.iter().map(|word| check_listed_name(statement, word, reporter)).collect();
    judged.into_iter().collect::<Option<Vec<()>>>()?;
    Some(to_words(&words, reporter))
}

fn check_listed_name(
    statement: &Statement<'_>,
    word: &Argument<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<()> {
    if let Some((name, _)) = word.text.split_once('=') {
        let message = format!("`{}` takes names, not values", statement.name());
        // The value is not repeated: it may be a secret, and this text may end up in a log.
        let help = format!("write `{} {name}`; `ENV` sets values", statement.name());
        let value = reporter.span(word.part(name.len()..word.text.len()));
        let diagnostic = reporter.at(&rules::VALUE_NOT_ALLOWED, word.range(), message);
        reporter.say(diagnostic.with_help(help).perhaps("delete the value", value, ""));
        return None;
    }
    check_name(word, reporter)
}

fn check_name(word: &Argument<'_>, reporter: &mut Reporter<'_>) -> Option<()> {
    if is_name(word.text) {
        return Some(());
    }
    let message = format!("`{}` cannot be the name of a variable", word.text);
    let diagnostic = reporter.at(&rules::VARIABLE_NAME, word.range(), message);
    let help = "a name holds letters, digits and `_`, and does not start with a digit";
    let diagnostic = diagnostic.with_help(help);
    let span = reporter.span(word.range());
    let bare = word.text.trim_start_matches('$').trim_matches(['{', '}', '"', '\'', ',']);
    let diagnostic = if is_name(bare) {
        diagnostic.safely("write only the name", span, bare)
    } else if bare.split(',').all(is_name) {
        diagnostic.safely("separate names with blanks", span, bare.replace(',', " "))
    } else {
        diagnostic
    };
    reporter.say(diagnostic);
    None
}

/// Whether bash can export a variable of this name.
fn is_name(text: &str) -> bool {
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
