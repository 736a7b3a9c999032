//! Two verdicts on one text, and how they differ.

use crate::notation::render;
use layerc_compiler::diagnostic::Severity;
use layerc_compiler::link::compile;
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::NoSources;
use std::fmt;

/// What a parser made of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What FROM names, and the other instructions.
    Accepted(String, Vec<String>),
    /// An error.
    Rejected,
}

/// Our verdict on a file that stands alone, and the codes of all findings.
pub(crate) fn ours(text: &str) -> (Verdict, Vec<String>) {
    // Deep enough that `..` finds its directories, and not what `FROM /Layerfile` names.
    let path = RepoPath::new("some/deep/directory/Layerfile").unwrap_or_else(RepoPath::root);
    let file = SourceFile { path, text: text.to_owned() };
    let compiled = compile(&[file], &NoSources, &LintConfiguration::default());
    let codes = compiled.diagnostics.iter().map(|diagnostic| diagnostic.code.to_string()).collect();
    if compiled.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return (Verdict::Rejected, codes);
    }
    let files = compiled.project.files.into_iter();
    let instructions: Vec<_> = files
        .flat_map(|file| file.directives)
        .map(|linked| linked.directive.instruction.clone())
        .collect();
    let (from, rest) = render(&instructions);
    (Verdict::Accepted(from, rest), codes)
}

/// In which way we differ from the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::enum_variant_names, reason = "each is a sentence about us")]
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
