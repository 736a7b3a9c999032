//! The table of diagnostic rules: every code, its name, its default severity and its page.
//!
//! Knows nothing of how a rule is checked. A row without a page does not compile. Codes are never reused:
//! LF0001–LF0099 are about syntax, LF0100–LF0199 about the project, LF0200–LF0299 about one well-formed file.

use crate::diagnostic::{Code, Diagnostic, Label, Severity};
use crate::span::{FileId, Span};

/// One kind of finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The stable code, `LF0123`.
    pub code: Code,
    /// A short kebab-case name, stable too.
    pub name: &'static str,
    /// How bad it is unless the configuration says otherwise.
    pub severity: Severity,
    /// One line that says what is wrong.
    pub title: &'static str,
    /// The Markdown page that explains it, with examples.
    pub page: &'static str,
}

impl Rule {
    /// A finding of this rule: `message` is one sentence, lower case, no final dot, the user's words in backticks.
    pub fn at(&self, file: FileId, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code: self.code,
            severity: self.severity,
            message: message.into(),
            primary: Label { file, span, text: String::new() },
            related: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }
}

/// The rule of a code.
pub fn by_code(code: Code) -> Option<&'static Rule> {
    RULES
        .binary_search_by(|rule| rule.code.cmp(&code))
        .ok()
        .and_then(|index| RULES.get(index))
        .copied()
}

/// The rule of a name.
pub fn by_name(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}

macro_rules! rules {
    ($($code:ident $constant:ident $name:literal $severity:ident $title:literal;)*) => {
        $(
            #[doc = concat!(stringify!($code), ": ", $title, ".")]
            pub static $constant: Rule = Rule {
                code: Code::literal(stringify!($code)),
                name: $name,
                severity: Severity::$severity,
                title: $title,
                page: include_str!(concat!("../../spec/diagnostics/", stringify!($code), ".md")),
            };
        )*

        /// Every rule, sorted by code.
        pub static RULES: &[&Rule] = &[$(&$constant),*];
    };
}

rules! {
    // Syntax: the file as a whole.
    LF0001 FILE_TOO_LARGE "file-too-large" Error "a Layerfile is larger than the limit";
    LF0002 EMPTY_FILE "empty-file" Error "a Layerfile holds no instruction";
    LF0003 FROM_NOT_FIRST "from-not-first" Error "the first instruction is not FROM";
    LF0004 SECOND_FROM "second-from" Error "a Layerfile has more than one FROM";

    // Syntax: keywords.
    LF0010 UNKNOWN_DIRECTIVE "unknown-directive" Error "a line starts with a word that is no directive";

    // Project and links: LF0100–LF0199.

    // One well-formed file: LF0200–LF0299.
}

#[cfg(test)]
mod tests {
    use super::{RULES, by_code, by_name};

    #[test]
    fn codes_are_sorted_and_names_unique_and_kebab_case() {
        assert!(RULES.is_sorted_by(|left, right| left.code < right.code));
        for rule in RULES {
            assert_eq!(by_code(rule.code), Some(*rule));
            assert_eq!(by_name(rule.name), Some(*rule), "two rules are called {}", rule.name);
            assert!(
                rule.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn every_page_starts_with_code_and_name() {
        for rule in RULES {
            let heading = format!("# {}: {}\n", rule.code, rule.name);
            assert!(rule.page.starts_with(&heading), "{} must start with {heading:?}", rule.code);
        }
    }
}
