//! SKIP REMAINING IF: conditions that always hold, so that nothing below runs, and conditions that never do.
//!
//! Values are known of a few variables only; two conditions on one variable can also contradict each other.

use super::Refutation;
use super::{Checked, File, found};
use crate::diagnostic::Diagnostic;
use crate::directive::{Comparison, Condition, Directive, Instruction};
use crate::limits::MAX_PATTERN_BYTES;
use crate::rules;
use crate::span::{OWN_FILE, Span};
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;

/// Variables that have this value in every machine, unless a file sets them.
const CONSTANTS: [(&str, &str); 8] = [
    ("CI", "true"),
    ("CI_MACHINE", "true"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("IN_CI", "true"),
    ("IN_CI_MACHINE", "true"),
    ("IS_CI_MACHINE", "true"),
    ("LAYERCI", "true"),
    ("WEBAPPIO", "true"),
];

/// Whether something holds, as far as the file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Always,
    Never,
    Depends,
}

/// What a condition says, without its place.
type Saying<'a> = (&'a str, Comparison, &'a str);

/// Conditions that were false when the instructions below them are reached: those of SKIPs with one condition.
type Passed<'a> = HashMap<Saying<'a>, Span>;

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    let mut passed: Passed<'_> = HashMap::new();
    let mut directives = file.directives().peekable();
    while let Some(directive) = directives.next() {
        let Instruction::SkipIf(conditions) = &directive.instruction else { continue };
        match verdict(file, conditions, &passed) {
            Verdict { truth: Truth::Always, because } => {
                let Some(next) = directives.peek() else { return };
                return report(unreachable(directive, next, because), because, conditions, checked);
            }
            Verdict { truth: Truth::Never, because } => {
                report(never(directive, because), because, conditions, checked);
            }
            Verdict { truth: Truth::Depends, .. } => {}
        }
        if let [condition] = conditions.as_slice() {
            passed.entry(saying(condition)).or_insert(directive.span);
        }
    }
}

/// What a SKIP does, and the SKIP above that decides it, if one does.
struct Verdict {
    truth: Truth,
    because: Option<Span>,
}

fn verdict(file: &File<'_>, conditions: &[Condition], passed: &Passed<'_>) -> Verdict {
    let alone: Vec<Truth> =
        conditions.iter().map(|condition| by_constant(file, condition)).collect();
    if alone.contains(&Truth::Never) || contradicts_itself(conditions) {
        return Verdict { truth: Truth::Never, because: None };
    }
    if !alone.is_empty() && alone.iter().all(|truth| *truth == Truth::Always) {
        return Verdict { truth: Truth::Always, because: None };
    }
    if let Some(span) = conditions.iter().find_map(|condition| passed.get(&saying(condition))) {
        return Verdict { truth: Truth::Never, because: Some(*span) };
    }
    if let [condition] = conditions
        && let Some(span) = passed.get(&opposite(condition))
    {
        return Verdict { truth: Truth::Always, because: Some(*span) };
    }
    Verdict { truth: Truth::Depends, because: None }
}

/// Adds a finding; one that rests on a variable's value is wrong if an ancestor sets the variable.
fn report(
    finding: Diagnostic,
    because: Option<Span>,
    conditions: &[Condition],
    checked: &mut Checked,
) {
    let constant = conditions.iter().find(|condition| constant(&condition.name.value).is_some());
    match constant.filter(|_| because.is_none()) {
        Some(condition) => {
            checked.defer(Refutation::Defines(condition.name.value.clone()), finding);
        }
        None => checked.add(finding),
    }
}

fn unreachable(directive: &Directive, next: &Directive, because: Option<Span>) -> Diagnostic {
    let message = "this condition always holds, so nothing below ever runs";
    let finding = found(&rules::UNREACHABLE, directive.span, message)
        .with_related(OWN_FILE, next.span, "never reached")
        .with_help("remove the steps below, or correct the condition");
    match because {
        Some(span) => {
            finding.with_related(OWN_FILE, span, "in the other case the file already ended here")
        }
        None => finding,
    }
}

fn never(directive: &Directive, because: Option<Span>) -> Diagnostic {
    let message = "this condition never holds, so nothing is ever skipped here";
    let finding = found(&rules::SKIP_NEVER, directive.span, message)
        .with_help("remove it, or correct the condition");
    match because {
        Some(span) => {
            finding.with_related(OWN_FILE, span, "if it holds, the file already ended here")
        }
        None => finding,
    }
}

/// The value of a variable that is the same in every machine.
fn constant(name: &str) -> Option<&'static str> {
    CONSTANTS.iter().find(|(constant, _)| *constant == name).map(|(_, value)| *value)
}

/// What a condition is by the value of its variable alone.
fn by_constant(file: &File<'_>, condition: &Condition) -> Truth {
    let name = condition.name.value.as_str();
    let value = condition.value.value.as_str();
    let Some(actual) = constant(name).filter(|_| !file.facts.defines.contains(name)) else {
        return Truth::Depends;
    };
    let holds = match condition.comparison {
        Comparison::Equal => Some(actual == value),
        Comparison::NotEqual => Some(actual != value),
        Comparison::Matches => pattern(value).map(|pattern| pattern.is_match(actual)),
        Comparison::NotMatches => pattern(value).map(|pattern| !pattern.is_match(actual)),
    };
    match holds {
        Some(true) => Truth::Always,
        Some(false) => Truth::Never,
        None => Truth::Depends,
    }
}

fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build().ok()
}

/// Whether two conditions joined by AND can't both hold.
fn contradicts_itself(conditions: &[Condition]) -> bool {
    conditions.iter().enumerate().any(|(index, one)| {
        conditions.iter().take(index).any(|other| {
            let both_equal =
                one.comparison == Comparison::Equal && other.comparison == Comparison::Equal;
            let same_name = one.name.value == other.name.value;
            same_name && both_equal && one.value.value != other.value.value
                || opposite(one) == saying(other)
        })
    })
}

fn saying(condition: &Condition) -> Saying<'_> {
    (&condition.name.value, condition.comparison, &condition.value.value)
}

/// What holds exactly if a condition doesn't.
fn opposite(condition: &Condition) -> Saying<'_> {
    let comparison = match condition.comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Matches => Comparison::NotMatches,
        Comparison::NotMatches => Comparison::Matches,
    };
    (&condition.name.value, comparison, &condition.value.value)
}
