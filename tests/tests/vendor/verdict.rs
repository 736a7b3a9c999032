//! Two verdicts on one text, and how they differ.

use crate::notation::render;
use layerc_compiler::diagnostic::Severity;
use layerc_compiler::parser::parse;
use layerc_compiler::span::FileId;
use std::fmt;

/// What a parser made of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What FROM names, and the other instructions.
    Accepted(String, Vec<String>),
    /// An error.
    Rejected,
}

/// Our verdict, and the codes of all findings.
pub(crate) fn ours(text: &str) -> (Verdict, Vec<String>) {
    let parsed = parse(FileId::new(0), text);
    let codes = parsed.diagnostics.iter().map(|diagnostic| diagnostic.code.to_string()).collect();
    if parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return (Verdict::Rejected, codes);
    }
    let instructions: Vec<_> =
        parsed.directives.into_iter().map(|directive| directive.instruction).collect();
    let (from, rest) = render(&instructions);
    (Verdict::Accepted(from, rest), codes)
}

/// In which way we differ from the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Difference {
    /// The vendor accepts, we report an error.
    WeReject,
    /// The vendor rejects, we accept.
    WeAccept,
    /// Both accept and understand something else.
    WeReadDifferently,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::WeReject => "we reject",
            Self::WeAccept => "we accept",
            Self::WeReadDifferently => "we read differently",
        })
    }
}

/// `None` if both agree.
pub(crate) fn difference(vendor: &Verdict, ours: &Verdict) -> Option<Difference> {
    match (vendor, ours) {
        (Verdict::Accepted(..), Verdict::Rejected) => Some(Difference::WeReject),
        (Verdict::Rejected, Verdict::Accepted(..)) => Some(Difference::WeAccept),
        (Verdict::Accepted(..), Verdict::Accepted(..)) => {
            (vendor != ours).then_some(Difference::WeReadDifferently)
        }
        (Verdict::Rejected, Verdict::Rejected) => None,
    }
}
