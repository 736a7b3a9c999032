//! SKIP REMAINING IF: whether all conditions hold.

use layerc_planner::plan::{SkipComparison, SkipCondition};
use regex::Regex;

/// Whether every condition holds. A variable that isn't set is empty.
///
/// # Errors
/// When a regular expression isn't one; said with the user's words.
pub(crate) fn holds(
    conditions: &[SkipCondition],
    value: impl Fn(&str) -> Option<String>,
) -> Result<bool, String> {
    for condition in conditions {
        let actual = value(&condition.name).unwrap_or_default();
        let agrees = match condition.comparison {
            SkipComparison::Equal => actual == condition.value,
            SkipComparison::NotEqual => actual != condition.value,
            SkipComparison::Matches => expression(&condition.value)?.is_match(&actual),
            SkipComparison::NotMatches => !expression(&condition.value)?.is_match(&actual),
        };
        if !agrees {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a condition can be evaluated at all.
pub(super) fn check(condition: &SkipCondition) -> Result<(), String> {
    match condition.comparison {
        SkipComparison::Equal | SkipComparison::NotEqual => Ok(()),
        SkipComparison::Matches | SkipComparison::NotMatches => {
            expression(&condition.value).map(|_| ())
        }
    }
}

fn expression(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|_| format!("`{text}` is not a regular expression"))
}

#[cfg(test)]
mod tests {
    use super::holds;
    use layerc_planner::plan::{SkipComparison, SkipCondition};

    fn check(name: &str, comparison: SkipComparison, value: &str) -> Result<bool, String> {
        let condition =
            SkipCondition { name: name.to_owned(), comparison, value: value.to_owned() };
        holds(&[condition], |name| {
            (name == "GIT_BRANCH").then(|| "feature/x [skip tests]".to_owned())
        })
    }

    #[test]
    fn compares_exactly_or_searches() {
        assert_eq!(check("GIT_BRANCH", SkipComparison::Equal, "feature"), Ok(false));
        assert_eq!(check("GIT_BRANCH", SkipComparison::Matches, r"\[skip tests\]"), Ok(true));
        assert_eq!(check("GIT_BRANCH", SkipComparison::NotMatches, "^(master|dev)$"), Ok(true));
        assert_eq!(check("GIT_TAG", SkipComparison::Equal, ""), Ok(true));
        assert_eq!(
            check("GIT_TAG", SkipComparison::Matches, "("),
            Err("`(` is not a regular expression".to_owned())
        );
    }
}
