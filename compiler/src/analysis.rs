//! One file by itself: parsed, checked, and summed up for linking. Pure in the text, so an editor keeps it by version.
//!
//! Refuses to know any other file. Where a finding depends on the files that this one inherits from, it is
//! kept as `Deferred` and linking decides. The file's own id isn't known here: spans carry [`OWN_FILE`].

use crate::checks::{self, Deferred, NeedsSecret};
use crate::diagnostic::Diagnostic;
use crate::directive::Directive;
use crate::facts::Facts;
use crate::line_index::LineIndex;
use crate::parser::{self, Parsed};
use crate::project::SourceFile;
use crate::repo_path::RepoPath;
use crate::span::{OWN_FILE, Span};
use crate::suppression::{self, Suppression};
use crate::token::Token;
use std::sync::Arc;

/// What one file says, independent of all others.
#[derive(Debug, Clone)]
pub struct FileAnalysis {
    /// Its path.
    pub path: RepoPath,
    /// The directory it is in.
    pub directory: RepoPath,
    /// BLAKE3 of the original text.
    pub digest: [u8; 32],
    /// Where its lines start.
    pub lines: LineIndex,
    /// What each byte is.
    pub tokens: Vec<Token>,
    /// Its well-formed instructions, in order.
    pub directives: Vec<Arc<Directive>>,
    /// Findings of parsing and of checks that need no other file; before configuration and suppression.
    pub diagnostics: Vec<Diagnostic>,
    pub(crate) deferred: Vec<Deferred>,
    pub(crate) needs_secret: Vec<NeedsSecret>,
    /// The comments that silence rules, in order.
    pub suppressions: Vec<Suppression>,
    pub(crate) facts: Facts,
}

/// Parses and checks one file.
pub fn analyze_file(source: &SourceFile) -> FileAnalysis {
    let Parsed { tokens, directives, comments, diagnostics } =
        parser::parse(OWN_FILE, &source.text);
    let directives: Vec<Arc<Directive>> = directives.into_iter().map(Arc::new).collect();
    let lines = LineIndex::new(&source.text);
    let suppressions = comments
        .iter()
        .filter_map(|comment| {
            suppression::read(&source.text, comment.span, || {
                covered_until(&source.text, &directives, comment.span)
            })
        })
        .collect();
    let facts = Facts::of(&directives);
    let mut checked = checks::Checked::default();
    checked.findings.extend(diagnostics);
    checks::check_file(
        &checks::File { text: &source.text, directives: &directives, facts: &facts },
        &mut checked,
    );
    FileAnalysis {
        directory: source.path.parent().unwrap_or_else(RepoPath::root),
        path: source.path.clone(),
        digest: *blake3::hash(source.text.as_bytes()).as_bytes(),
        lines,
        tokens,
        directives,
        diagnostics: checked.findings.into_list(),
        deferred: checked.deferred,
        needs_secret: checked.needs_secret,
        suppressions,
        facts,
    }
}

/// The end of the line of the instruction after a comment, with what stands behind it: another comment, or a backslash. The
/// end of the text if none follows, where a comment may stand that there is a finding about.
fn covered_until(text: &str, directives: &[Arc<Directive>], comment: Span) -> u32 {
    let next = directives.partition_point(|directive| directive.span.start() < comment.end());
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    directives.get(next).map_or(end, |directive| {
        let behind = text.get(directive.span.end() as usize..).unwrap_or_default();
        let length = behind.find('\n').unwrap_or(behind.len());
        directive.span.end() + u32::try_from(length).unwrap_or(0)
    })
}
