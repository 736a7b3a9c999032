//! Which rules speak, and how loudly: the project's choice, as `layerc.toml` states it.
//!
//! Knows no file format; the command line reads the file and calls [`LintConfiguration::set`].
//! Rules whose findings make a plan impossible can't be made quieter.

use crate::diagnostic::{Code, Severity};
use crate::nearest::nearest;
use crate::rules::{self, RULES, Rule};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a rule's findings become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// They are dropped.
    Off,
    /// Hints.
    Hint,
    /// Warnings.
    Warning,
    /// Errors: the file isn't planned.
    Error,
}

impl Level {
    /// Every level by its name in a configuration.
    const NAMES: [(&str, Self); 4] = [
        ("off", Self::Off),
        ("hint", Self::Hint),
        ("warning", Self::Warning),
        ("error", Self::Error),
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, level)| level)
    }

    /// The severity of findings at this level; `None` if there are none.
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Hint => Some(Severity::Hint),
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
        }
    }
}

/// The project's choices. The default leaves every rule as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LintConfiguration {
    levels: BTreeMap<Code, Level>,
    known_images: BTreeSet<String>,
}

impl LintConfiguration {
    /// Sets the level of a rule, which is given by code (`LF0200`) or name (`memory-late`).
    ///
    /// # Errors
    /// If there is no such rule or level, or if the rule reports what makes a plan impossible and would be lowered.
    pub fn set(&mut self, rule: &str, level: &str) -> Result<(), ConfigurationError> {
        let Some(found) = find_rule(rule) else {
            return Err(ConfigurationError::UnknownRule {
                rule: rule.to_owned(),
                question: rule_question(rule),
            });
        };
        let Some(level) = Level::parse(level) else {
            return Err(ConfigurationError::UnknownLevel { level: level.to_owned() });
        };
        if found.severity == Severity::Error && level < Level::Error {
            return Err(ConfigurationError::CannotBeLowered { code: found.code, name: found.name });
        }
        self.levels.insert(found.code, level);
        Ok(())
    }

    /// Names an image that the project has a source for, so that FROM may use it without a remark; `*` means all.
    pub fn add_known_image(&mut self, name: impl Into<String>) {
        self.known_images.insert(name.into());
    }

    /// Whether the project has a source for an image.
    pub fn knows_image(&self, name: &str) -> bool {
        self.known_images.contains(name) || self.known_images.contains("*")
    }

    /// What a rule's findings become; `default` is the rule's own severity. `None` drops them.
    pub fn severity(&self, code: Code, default: Severity) -> Option<Severity> {
        self.levels.get(&code).map_or(Some(default), |level| level.severity())
    }
}

/// The rule with this code or name.
pub(crate) fn find_rule(text: &str) -> Option<&'static Rule> {
    Code::parse(text).and_then(rules::by_code).or_else(|| rules::by_name(text))
}

/// `` did you mean `memory-late`? ``, if a rule is called nearly like this.
pub(crate) fn rule_question(rule: &str) -> Option<String> {
    let codes: Vec<String> = RULES.iter().map(|row| row.code.to_string()).collect();
    let names = RULES.iter().map(|row| row.name);
    nearest(rule, names.chain(codes.iter().map(String::as_str))).question()
}

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigurationError {
    /// No rule has this code or name.
    UnknownRule {
        /// As written.
        rule: String,
        /// A near name, as a question.
        question: Option<String>,
    },
    /// No level has this name.
    UnknownLevel {
        /// As written.
        level: String,
    },
    /// The rule's findings make a plan impossible.
    CannotBeLowered {
        /// The rule's code.
        code: Code,
        /// The rule's name.
        name: &'static str,
    },
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRule { rule, question: Some(question) } => {
                write!(formatter, "there is no rule `{rule}`: {question}")
            }
            Self::UnknownRule { rule, question: None } => write!(
                formatter,
                "there is no rule `{rule}`: write its code, like `LF0200`, or its name, like `memory-late`"
            ),
            Self::UnknownLevel { level } => {
                write!(
                    formatter,
                    "there is no level `{level}`: write `off`, `hint`, `warning` or `error`"
                )
            }
            Self::CannotBeLowered { code, name } => write!(
                formatter,
                "`{name}` ({code}) stays an error: what it reports makes a plan impossible, so the file has to change"
            ),
        }
    }
}

impl std::error::Error for ConfigurationError {}

#[cfg(test)]
mod tests {
    use super::LintConfiguration;
    use crate::diagnostic::{Code, Severity};

    fn check_refused(rule: &str, level: &str, expected: &str) {
        let error = LintConfiguration::default().set(rule, level).expect_err("a refusal");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn sets_levels_by_code_and_by_name() {
        let mut configuration = LintConfiguration::default();
        configuration.set("LF0200", "off").expect("a code");
        configuration.set("memory-repeated", "error").expect("a name");
        assert_eq!(configuration.severity(Code(200), Severity::Warning), None);
        assert_eq!(configuration.severity(Code(201), Severity::Warning), Some(Severity::Error));
        assert_eq!(configuration.severity(Code(202), Severity::Warning), Some(Severity::Warning));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        check_refused(
            "memory-lat",
            "off",
            "there is no rule `memory-lat`: did you mean `memory-late`?",
        );
        check_refused(
            "LF0200",
            "warn",
            "there is no level `warn`: write `off`, `hint`, `warning` or `error`",
        );
        check_refused(
            "from-not-found",
            "warning",
            "`from-not-found` (LF0100) stays an error: what it reports makes a plan impossible, so the file has to change",
        );
    }
}
