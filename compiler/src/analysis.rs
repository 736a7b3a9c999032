//! One file by itself: parsed, checked, and summed up for linking. Pure in the text, so an editor keeps it by version.
//!
//! Refuses to know any other file. Where a finding depends on the files that this one inherits from, it is
//! kept as `Deferred` and linking decides. The file's own id isn't known here: spans carry [`OWN_FILE`].

use crate::checks;
use crate::diagnostic::Diagnostic;
use crate::directive::{Directive, Instruction};
use crate::line_index::LineIndex;
use crate::parser::{self, Parsed};
use crate::project::SourceFile;
use crate::repo_path::RepoPath;
use crate::span::{FileId, Span};
use crate::suppression::{self, Suppression};
use crate::token::Token;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Stands for the analysed file in its own diagnostics until linking gives it an id.
pub const OWN_FILE: FileId = FileId::new(0);

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
    pub(crate) suppressions: Vec<Suppression>,
    pub(crate) facts: Facts,
}

/// A finding that the files above this one can refute.
#[derive(Debug, Clone)]
pub(crate) struct Deferred {
    pub(crate) unless: Refutation,
    pub(crate) finding: Diagnostic,
}

/// A finding that holds only if a file above this one has a secret.
#[derive(Debug, Clone)]
pub(crate) struct NeedsSecret {
    pub(crate) secret: Inherited,
    pub(crate) finding: Diagnostic,
}

/// A secret that a file may inherit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inherited {
    /// This one.
    Named(String),
    /// Whichever there is.
    Any,
}

/// What in an ancestor makes a deferred finding wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refutation {
    /// It sets a user.
    SetsUser,
    /// It defines this variable.
    Defines(String),
}

/// What linking needs to know of a file besides its references.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The largest MEMORY, in bytes, and where.
    pub(crate) memory: Option<(u64, Span)>,
    /// The first SPLIT.
    pub(crate) split: Option<Span>,
    /// Whether USER occurs.
    pub(crate) user: Option<Span>,
    /// The names of SECRET ENV, and where each stands first.
    pub(crate) secrets: BTreeMap<String, Span>,
    /// Variables that ENV and SECRET ENV define.
    pub(crate) defines: BTreeSet<String>,
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
    let facts = facts(&directives);
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

/// The end of the instruction after a comment; the end of the text if none follows, where a comment may stand that
/// there is a finding about.
fn covered_until(text: &str, directives: &[Arc<Directive>], comment: Span) -> u32 {
    let next = directives.partition_point(|directive| directive.span.start() < comment.end());
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    directives.get(next).map_or(end, |directive| directive.span.end())
}

fn facts(directives: &[Arc<Directive>]) -> Facts {
    let mut facts = Facts::default();
    for directive in directives {
        match &directive.instruction {
            Instruction::Memory(memory)
                if facts.memory.is_none_or(|(bytes, _)| bytes < memory.bytes) =>
            {
                facts.memory = Some((memory.bytes, directive.span));
            }
            Instruction::Split(_) => facts.split = facts.split.or(Some(directive.span)),
            Instruction::User(_) => facts.user = facts.user.or(Some(directive.span)),
            Instruction::Env(pairs) => {
                facts.defines.extend(pairs.iter().map(|pair| pair.key.value.clone()));
            }
            Instruction::SecretEnv(names) => {
                for name in names {
                    facts.secrets.entry(name.value.clone()).or_insert(name.span);
                }
                facts.defines.extend(names.iter().map(|name| name.value.clone()));
            }
            _ => {}
        }
    }
    facts
}
