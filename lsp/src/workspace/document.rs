//! One Layerfile: its text, its version, and what the compiler makes of it alone.
//!
//! Immutable. An edit makes a new document; the analysis is made when it is first asked for.

use super::position::{PositionEncoding, Positions};
use super::variables::{self, Mention};
use layerc_compiler::analysis::{FileAnalysis, analyze_file};
use layerc_compiler::line_index::LineIndex;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use ls_types::{TextDocumentContentChangeEvent, Uri};
use std::sync::OnceLock;

/// Where a document's text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From disk; nobody has it open.
    Disk,
    /// From the client, in this version.
    Open {
        /// The client's number for the text.
        version: i32,
    },
}

/// A Layerfile at one moment.
#[derive(Debug)]
pub struct Document {
    uri: Uri,
    origin: Origin,
    source: SourceFile,
    analysis: OnceLock<FileAnalysis>,
    mentions: OnceLock<Vec<Mention>>,
}

impl Document {
    /// A document of this text.
    pub const fn new(uri: Uri, origin: Origin, path: RepoPath, text: String) -> Self {
        let source = SourceFile { path, text };
        Self { uri, origin, source, analysis: OnceLock::new(), mentions: OnceLock::new() }
    }

    /// Its name, as the client spelled it if it has it open.
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether the client has it open.
    pub const fn is_open(&self) -> bool {
        matches!(self.origin, Origin::Open { .. })
    }

    /// The client's version, if it is open.
    pub const fn version(&self) -> Option<i32> {
        match self.origin {
            Origin::Open { version } => Some(version),
            Origin::Disk => None,
        }
    }

    /// Its path in its repository.
    pub const fn path(&self) -> &RepoPath {
        &self.source.path
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// What the compiler makes of it alone.
    pub fn analysis(&self) -> &FileAnalysis {
        self.analysis.get_or_init(|| analyze_file(&self.source))
    }

    /// Every mention of a variable, in order.
    pub fn mentions(&self) -> &[Mention] {
        let mentions = || variables::mentions(self.text(), &self.analysis().directives);
        self.mentions.get_or_init(mentions)
    }

    /// Its positions.
    pub fn positions(&self, encoding: PositionEncoding) -> Positions<'_> {
        Positions { text: self.text(), lines: &self.analysis().lines, encoding }
    }

    /// The document after the client's edits, applied in order.
    #[must_use]
    pub fn edited(
        &self,
        version: i32,
        changes: &[TextDocumentContentChangeEvent],
        encoding: PositionEncoding,
    ) -> Self {
        let mut text = self.source.text.clone();
        for change in changes {
            apply(&mut text, change, encoding);
        }
        let path = self.source.path.clone();
        Self::new(self.uri.clone(), Origin::Open { version }, path, text)
    }
}

fn apply(text: &mut String, change: &TextDocumentContentChangeEvent, encoding: PositionEncoding) {
    let Some(range) = change.range else {
        text.clone_from(&change.text);
        return;
    };
    let lines = LineIndex::new(text);
    let span = Positions { text, lines: &lines, encoding }.span(range);
    // Both ends are character boundaries inside the text: positions never give others.
    if text.get(span.range()).is_some() {
        text.replace_range(span.range(), &change.text);
    }
}
