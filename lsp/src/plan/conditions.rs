//! SKIP REMAINING IF for the branch that is checked out: whether the rest of the file would run.
//!
//! Values come from the host. A variable it doesn't know leaves the question open.

use layerc_compiler::directive::{Comparison, Condition};
use layerc_compiler::limits::MAX_PATTERN_BYTES;
use regex::RegexBuilder;
use std::collections::BTreeMap;

/// What a SKIP REMAINING IF does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The rest is skipped.
    Skips,
    /// The rest runs, because this condition does not hold.
    GoesOn {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// A value that decides is not known here.
    Open {
        /// The variable.
        name: String,
    },
}

/// Variables that are empty unless something outside of git sets them, so that their absence means nothing.
const FROM_OUTSIDE: [&str; 6] = [
    "API_EXTRA",
    "DEPLOYMENT_HOST",
    "PULL_REQUEST_URL",
    "JOB_ID",
    "RUNNER_ID",
    "EXPOSE_WEBSITE_HOST",
];

/// Judges conditions that must all hold.
pub fn judge(conditions: &[Condition], values: &BTreeMap<String, String>) -> Verdict {
    let mut open = None;
    for condition in conditions {
        let name = condition.name.value.as_str();
        let Some(value) = values.get(name).filter(|_| !FROM_OUTSIDE.contains(&name)) else {
            open = open.or_else(|| Some(name.to_owned()));
            continue;
        };
        match holds(condition, value) {
            Some(true) => {}
            Some(false) => {
                return Verdict::GoesOn { name: name.to_owned(), value: value.clone() };
            }
            None => open = open.or_else(|| Some(name.to_owned())),
        }
    }
    open.map_or(Verdict::Skips, |name| Verdict::Open { name })
}

/// Whether a condition holds; `None` for a pattern that is none.
fn holds(condition: &Condition, value: &str) -> Option<bool> {
    let expected = condition.value.value.as_str();
    let matches = || {
        let pattern = RegexBuilder::new(expected).size_limit(MAX_PATTERN_BYTES).build().ok()?;
        Some(pattern.is_match(value))
    };
    match condition.comparison {
        Comparison::Equal => Some(value == expected),
        Comparison::NotEqual => Some(value != expected),
        Comparison::Matches => matches(),
        Comparison::NotMatches => matches().map(|matches| !matches),
    }
}
