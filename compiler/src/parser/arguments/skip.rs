//! SKIP REMAINING IF: comparisons joined by AND.

use super::shape::{Arguments, Misfit, argument, fit, misfit};
use super::{Argument, Reporter, Statement, WithFix};
use crate::directive::{Comparison, Condition, Instruction};
use crate::limits::MAX_PATTERN_BYTES;
use crate::rules;
use crate::token::TokenKind;
use chumsky::prelude::{IterParser, Parser};
use regex::RegexBuilder;

#[derive(Debug, Clone, Copy)]
struct Compared<'text> {
    name: Argument<'text>,
    operator: Argument<'text>,
    value: Argument<'text>,
}

fn conditions<'text>() -> impl Parser<'text, Arguments<'text>, Vec<Compared<'text>>, Misfit> {
    let condition = argument(TokenKind::Name)
        .then(argument(TokenKind::Operator))
        .then(argument(TokenKind::Value))
        .map(|((name, operator), value)| Compared { name, operator, value });
    condition.separated_by(argument(TokenKind::Connector)).at_least(1).collect()
}

/// At least one condition.
pub(super) fn read(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Instruction> {
    let compared = match fit(&statement.arguments, conditions()) {
        Ok(compared) => compared,
        Err(index) => {
            explain(statement, index, reporter);
            return None;
        }
    };
    let conditions: Vec<_> =
        compared.iter().map(|compared| read_condition(compared, reporter)).collect();
    conditions.into_iter().collect::<Option<Vec<_>>>().map(Instruction::SkipIf)
}

fn read_condition(compared: &Compared<'_>, reporter: &mut Reporter<'_>) -> Option<Condition> {
    let comparison = match compared.operator.text {
        "=" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "=~" => Comparison::Matches,
        "!=~" => Comparison::NotMatches,
        other => {
            let message = format!("`{other}` does not compare");
            let help = "compare with `=`, `!=`, `=~` or `!=~`";
            reporter.say(
                reporter
                    .at(&rules::SKIP_CONDITION, compared.operator.range(), message)
                    .with_help(help),
            );
            return None;
        }
    };
    let value: String =
        compared.value.text.chars().filter(|character| !matches!(character, '"' | '\'')).collect();
    if matches!(comparison, Comparison::Matches | Comparison::NotMatches) {
        check_pattern(&value, &compared.value, reporter)?;
    }
    Some(Condition {
        name: reporter.word(compared.name.text, compared.name.range()),
        comparison,
        value: reporter.word(&value, compared.value.range()),
    })
}

fn check_pattern(pattern: &str, place: &Argument<'_>, reporter: &mut Reporter<'_>) -> Option<()> {
    if RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build().is_ok() {
        return Some(());
    }
    let message = format!("`{pattern}` is not a regular expression");
    let help = "escape characters that have a meaning in patterns with a backslash, for example `\\[skip\\]`";
    reporter.say(reporter.at(&rules::SKIP_PATTERN, place.range(), message).with_help(help));
    None
}

/// Says what is wrong at the argument of `index`.
fn explain(statement: &Statement<'_>, index: usize, reporter: &mut Reporter<'_>) {
    let before = index.checked_sub(1).and_then(|index| statement.arguments.get(index));
    let Some(found) = statement.arguments.get(index) else {
        explain_end(statement, before, reporter);
        return;
    };
    match (before.map(|before| before.kind), found.kind) {
        (_, TokenKind::Connector) => {
            let message = "`AND` stands where a condition is missing";
            let diagnostic = reporter.at(&rules::SKIP_CONNECTOR, found.range(), message);
            reporter.say(diagnostic.with_help("`AND` joins two conditions: `A=x AND B=y`"));
        }
        (Some(TokenKind::Value), _) => explain_joint(statement, index, found, reporter),
        (None | Some(TokenKind::Connector), TokenKind::Word) => explain_name(found, reporter),
        _ => {
            let message = format!("expected a comparison, found `{}`", found.text);
            let help = "write `NAME=value`; compare with `=`, `!=`, `=~` or `!=~`";
            reporter
                .say(reporter.at(&rules::SKIP_CONDITION, found.range(), message).with_help(help));
        }
    }
}

fn explain_end(
    statement: &Statement<'_>,
    before: Option<&Argument<'_>>,
    reporter: &mut Reporter<'_>,
) {
    let Some(before) = before else {
        misfit(statement, 0, reporter);
        return;
    };
    let (rule, message, help) = match before.kind {
        TokenKind::Connector => (
            &rules::SKIP_CONNECTOR,
            "no condition follows this `AND`".to_owned(),
            "delete it, or write the condition",
        ),
        TokenKind::Operator => (
            &rules::SKIP_CONDITION,
            format!("nothing to compare with follows `{}`", before.text),
            "write `NAME=\"\"` to ask for an empty variable",
        ),
        _ => (
            &rules::SKIP_CONDITION,
            format!("`{}` is not compared with anything", before.text),
            "write `NAME=value`; compare with `=`, `!=`, `=~` or `!=~`",
        ),
    };
    reporter.say(reporter.at(rule, before.range(), message).with_help(help));
}

/// Something follows a complete condition.
fn explain_joint(
    statement: &Statement<'_>,
    index: usize,
    found: &Argument<'_>,
    reporter: &mut Reporter<'_>,
) {
    let text = found.text;
    let next_is_operator =
        statement.arguments.get(index + 1).is_some_and(|next| next.kind == TokenKind::Operator);
    let span = reporter.span(found.range());
    let is_or = matches!(text, "OR" | "or" | "||" | "Or");
    if is_or {
        let diagnostic =
            reporter.at(&rules::SKIP_CONNECTOR, found.range(), "conditions cannot be joined by or");
        let help =
            "write a second `SKIP REMAINING IF` line: the file ends at the first one that holds";
        reporter.say(diagnostic.with_help(help));
    } else if matches!(text, "and" | "And" | "&&" | "&") {
        let message = format!("conditions are joined by `AND`, not by `{text}`");
        let diagnostic = reporter.at(&rules::SKIP_CONNECTOR, found.range(), message);
        reporter.say(diagnostic.with_help("write `AND`").safely("write `AND`", span, "AND"));
    } else if next_is_operator {
        let diagnostic = reporter.at(
            &rules::SKIP_CONNECTOR,
            found.range(),
            format!("`AND` is missing before `{text}`"),
        );
        let before = reporter.span(found.start()..found.start());
        reporter.say(diagnostic.with_help("join conditions with `AND`").safely(
            "write `AND`",
            before,
            "AND ",
        ));
    } else {
        let diagnostic = reporter.at(
            &rules::SKIP_CONDITION,
            found.range(),
            format!("`{text}` follows a complete condition"),
        );
        let help = "if it belongs to the value, put the whole value in quotes";
        reporter.say(diagnostic.with_help(help));
    }
}

/// Something that is no name stands where a condition starts.
fn explain_name(found: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let name = found.text.trim_start_matches('$').trim_matches(['{', '}']);
    let message = format!("expected the name of a variable, found `{}`", found.text);
    let diagnostic = reporter.at(&rules::SKIP_CONDITION, found.range(), message);
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        reporter.say(diagnostic.with_help("write `NAME=value`"));
        return;
    }
    let span = reporter.span(found.range());
    reporter.say(diagnostic.with_help(format!("write `{name}`, without `$`")).safely(
        "delete the `$`",
        span,
        name,
    ));
}
