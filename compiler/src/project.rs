//! A linked project: every Layerfile of a repository with its references resolved.
//!
//! Produced by linking, consumed by the planner and the editor service. Files are sorted by path, so that
//! equal repositories give equal projects.

use crate::directive::Directive;
use crate::repo_path::RepoPath;
use crate::span::{FileId, Span};
use std::sync::Arc;

/// A Layerfile as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, for example `services/api/Layerfile`.
    pub path: RepoPath,
    /// Its original text.
    pub text: String,
}

/// All Layerfiles of a repository, linked. References may form cycles; every file on one has `has_errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Sorted by path; [`FileId`] indexes it.
    pub files: Vec<LinkedFile>,
}

impl Project {
    /// The file of an id of this project.
    ///
    /// # Panics
    /// If the id belongs to another project.
    #[expect(clippy::indexing_slicing, reason = "ids are made together with the list they index")]
    pub fn file(&self, id: FileId) -> &LinkedFile {
        &self.files[id.index()]
    }

    /// The ids of all files, in order.
    pub fn ids(&self) -> impl Iterator<Item = FileId> {
        (0..u32::try_from(self.files.len()).unwrap_or(u32::MAX)).map(FileId::new)
    }
}

/// What a file's machine starts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// A base image, by name.
    Image(String),
    /// The final state of another Layerfile.
    File(FileId),
    /// FROM is missing or broken; a diagnostic says so.
    Unresolved,
}

/// One Layerfile with its references resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedFile {
    /// Its path.
    pub path: RepoPath,
    /// The directory it is in; relative references start here.
    pub directory: RepoPath,
    /// BLAKE3 of the original text.
    pub digest: [u8; 32],
    /// Its instructions in order, FROM included, broken ones left out.
    pub directives: Vec<LinkedDirective>,
    /// Where its machine comes from.
    pub parent: Parent,
    /// Whether a diagnostic of severity error names this file or one it depends on.
    pub has_errors: bool,
}

/// An instruction with what its references name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedDirective {
    /// The instruction, shared with the analysis of its file: linking again copies no text.
    pub directive: Arc<Directive>,
    /// One-based line of its keyword.
    pub line: u32,
    /// The files that the words of a WAIT name, in order, without duplicates; empty for other instructions.
    pub waits: Vec<FileId>,
    /// For SETUP FILE: each path resolved (relative to the file's directory, or to the root when only that exists).
    pub setup_files: Vec<RepoPath>,
    /// Where it is, for messages of later stages.
    pub span: Span,
}
