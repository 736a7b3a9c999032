//! What a rule found: collected, sorted, and all shown at once.

use std::fmt::Display;

/// The findings of one rule.
#[derive(Debug)]
pub(crate) struct Findings {
    rule: &'static str,
    found: Vec<String>,
}

impl Findings {
    /// None yet. The rule says what must hold and why, in one sentence.
    pub(crate) fn of(rule: &'static str) -> Self {
        Self { rule, found: Vec::new() }
    }

    /// One place where it does not hold.
    pub(crate) fn add(&mut self, place: impl Display, what: impl Display) {
        self.found.push(format!("{place}: {what}"));
    }

    /// Fails if there is any.
    pub(crate) fn report(mut self) {
        self.found.sort();
        assert!(self.found.is_empty(), "{}\n  {}\n", self.rule, self.found.join("\n  "));
    }
}
