//! `# layerc: ignore LF0123 reason`: a comment that silences rules for the instruction after it.
//!
//! Reads comments and matches findings; what an unused one deserves is decided where all findings are known.

use crate::diagnostic::Code;
use crate::lint_configuration::find_rule;
use crate::span::Span;

/// The words a comment starts with to be a suppression.
const MARK: &str = "layerc: ignore";

/// One suppression comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The whole comment.
    pub comment: Span,
    /// What it silences, in order.
    pub rules: Vec<SuppressedRule>,
    /// Whether words follow that say why.
    pub reason: Reason,
    /// The bytes in which findings are silenced: from the comment to the end of the next instruction.
    pub covers: Span,
}

/// A rule named by a suppression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressedRule {
    /// As written: a code or a name.
    pub text: String,
    /// Where.
    pub span: Span,
    /// The rule, if there is one of this name.
    pub code: Option<Code>,
}

/// Whether a suppression says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It does.
    Given,
    /// It doesn't.
    Missing,
}

/// Reads the comment at `comment` of `text`; `None` if it is an ordinary one.
/// The findings up to the byte that `covered_until` tells are silenced; asked of suppressions alone, since most comments
/// are none.
pub(crate) fn read(
    text: &str,
    comment: Span,
    covered_until: impl FnOnce() -> u32,
) -> Option<Suppression> {
    let content = text.get(comment.range())?;
    let rest = content.trim_start_matches('#').trim_start().strip_prefix(MARK)?;
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let mut rules = Vec::new();
    let mut reason = Reason::Missing;
    let mut at = content.len() - rest.len();
    for piece in rest.split_inclusive([' ', '\t', ',']) {
        let word = piece.trim_end_matches([' ', '\t', ',', '\r', '\n']);
        let start = comment.start() + u32::try_from(at).unwrap_or(u32::MAX);
        at += piece.len();
        if word.is_empty() {
            continue;
        }
        let code = find_rule(word).map(|rule| rule.code);
        if code.is_none() && !is_code(word) && !rules.is_empty() {
            reason = Reason::Given;
            break;
        }
        let span = Span::new(start, start + u32::try_from(word.len()).unwrap_or(0));
        rules.push(SuppressedRule { text: word.to_owned(), span, code });
    }
    let covers = Span::new(comment.start(), covered_until());
    Some(Suppression { comment, rules, reason, covers })
}

/// Whether a word is meant as a code: then it is never taken for a part of the reason.
fn is_code(word: &str) -> bool {
    word.strip_prefix("LF").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{Reason, read};
    use crate::span::Span;

    fn check_read(comment: &str, rules: &[&str], reason: Reason) {
        let found =
            read(comment, Span::new(0, comment.len() as u32), || 99).expect("a suppression");
        let texts: Vec<&str> = found.rules.iter().map(|rule| &comment[rule.span.range()]).collect();
        assert_eq!((texts.as_slice(), found.reason), (rules, reason), "{comment}");
    }

    #[test]
    fn reads_codes_names_and_the_reason() {
        check_read("# layerc: ignore LF0200 why", &["LF0200"], Reason::Given);
        check_read(
            "#layerc: ignore LF0200, memory-late",
            &["LF0200", "memory-late"],
            Reason::Missing,
        );
        check_read("# layerc: ignore nonsense because", &["nonsense"], Reason::Given);
        check_read("# layerc: ignore LF0200 LF9999", &["LF0200", "LF9999"], Reason::Missing);
        check_read("# layerc: ignore", &[], Reason::Missing);
    }

    #[test]
    fn other_comments_are_left_alone() {
        for comment in ["# hello", "# layerc: ignored LF0200", "# layerc"] {
            assert_eq!(read(comment, Span::new(0, comment.len() as u32), || 99), None);
        }
    }
}
