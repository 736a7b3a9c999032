//! A span of a diagnostic as machine-readable formats want it: path, lines and columns.

use crate::compilation::Compilation;
use layerc_compiler::line_index::{ColumnUnit, LineColumn, LineIndex};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::{FileId, Span};
use std::collections::BTreeMap;

/// Where something is. Lines and columns count from 1; columns count characters (Unicode code points).
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'compilation> {
    /// The file, from the root of the repository.
    pub(super) path: &'compilation RepoPath,
    /// First character.
    pub(super) start: LineColumn,
    /// Behind the last character.
    pub(super) end: LineColumn,
}

/// Finds places; keeps the line starts of every file it was asked about.
#[derive(Debug)]
pub(super) struct Places<'compilation> {
    compilation: &'compilation Compilation,
    lines: BTreeMap<FileId, LineIndex>,
}

impl<'compilation> Places<'compilation> {
    /// For the diagnostics of this compilation.
    pub(super) fn new(compilation: &'compilation Compilation) -> Self {
        Self { compilation, lines: BTreeMap::new() }
    }

    /// Where a span is; `None` if the file does not exist, which no diagnostic says.
    pub(super) fn find(&mut self, id: FileId, span: Span) -> Option<Place<'compilation>> {
        let file = self.compilation.file(id)?;
        let lines = self.lines.entry(id).or_insert_with(|| LineIndex::new(&file.text));
        let position = |offset| lines.position(&file.text, offset, ColumnUnit::Characters);
        Some(Place { path: &file.path, start: position(span.start()), end: position(span.end()) })
    }
}
