//! The one diagnostic type: made by the compiler, shown by terminal, SARIF, GitHub and editors.
//!
//! Holds data and finished words, no layout: colours, carets and protocol types belong to the outputs.
//! Codes, default severities and one-line titles are rows of [`crate::rules`].

use crate::span::{FileId, Span};
use serde::Serialize;
use std::fmt;

/// A stable diagnostic code, shown as `LF0123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub(crate) u16);

impl Code {
    /// Reads a code in a constant: `LF0123`.
    ///
    /// # Panics
    /// While compiling, if it is not `LF` and four digits.
    pub(crate) const fn literal(text: &str) -> Self {
        let [b'L', b'F', digits @ ..] = text.as_bytes() else { panic!("a code starts with LF") };
        assert!(digits.len() == 4, "a code has four digits");
        let mut number = 0;
        let mut rest = digits;
        while let [digit, tail @ ..] = rest {
            assert!(digit.is_ascii_digit(), "a code has four digits");
            number = number * 10 + (*digit - b'0') as u16;
            rest = tail;
        }
        Self(number)
    }

    /// Reads `LF0123`; `None` unless it is exactly `LF` and four digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("LF")?;
        (digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse().ok().map(Self))?
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LF{:04}", self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How bad it is. Ordered: `Hint < Warning < Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; never fails a check.
    Hint,
    /// Probably a mistake; fails a check only with `--deny-warnings`.
    Warning,
    /// The file can't be planned.
    Error,
}

/// A place with words about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The file.
    pub file: FileId,
    /// The bytes.
    pub span: Span,
    /// What is there; may be empty for a primary label.
    pub text: String,
}

/// One replacement of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextEdit {
    /// The file to change.
    pub file: FileId,
    /// The bytes to replace; empty to insert.
    pub span: Span,
    /// The new text.
    pub replacement: String,
}

/// Whether a fix may be applied without a person looking at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applicability {
    /// Keeps or restores what the author plainly meant.
    Safe,
    /// A guess a person should confirm.
    Suggestion,
}

/// A change that resolves the diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What it does, as an imperative: `` write `RUN` in capitals ``.
    pub title: String,
    /// Whether it needs a person.
    pub applicability: Applicability,
    /// The edits; they don't overlap.
    pub edits: Vec<TextEdit>,
}

/// A finding about one or more Layerfiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The rule.
    pub code: Code,
    /// The rule's default severity, or what the configuration made of it.
    pub severity: Severity,
    /// One sentence, lower case, no final dot, the user's words in backticks.
    pub message: String,
    /// Where to look first.
    pub primary: Label,
    /// Other places that take part, in other files too.
    pub related: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// Changes that would resolve it.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// Adds a place that takes part.
    #[must_use]
    pub fn with_related(mut self, file: FileId, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { file, span, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers a single replacement in the primary file.
    #[must_use]
    pub fn with_fix(
        mut self,
        title: impl Into<String>,
        applicability: Applicability,
        span: Span,
        replacement: impl Into<String>,
    ) -> Self {
        let edit = TextEdit { file: self.primary.file, span, replacement: replacement.into() };
        self.fixes.push(Fix { title: title.into(), applicability, edits: vec![edit] });
        self
    }
}
