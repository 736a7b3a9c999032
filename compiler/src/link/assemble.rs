//! The linked project, put together from analysed files and resolved references.

use super::references::References;
use super::tree::SetupFiles;
use super::with_ids;
use crate::analysis::FileAnalysis;
use crate::project::{LinkedDirective, LinkedFile, Parent, Project};
use crate::span::FileId;
use std::collections::HashSet;
use std::sync::Arc;

/// The project; no file is marked as broken yet.
pub(crate) fn project(
    files: &[&FileAnalysis],
    references: &References,
    setup_files: &SetupFiles,
) -> Project {
    let link = |(id, file): (FileId, &FileAnalysis)| LinkedFile {
        path: file.path.clone(),
        directory: file.directory.clone(),
        digest: file.digest,
        directives: directives(id, file, references, setup_files),
        parent: references
            .of(id)
            .map_or(Parent::Unresolved, |references| references.parent.clone()),
        has_errors: false,
    };
    Project { files: with_ids(files).map(link).collect() }
}

fn directives(
    id: FileId,
    file: &FileAnalysis,
    references: &References,
    setup_files: &SetupFiles,
) -> Vec<LinkedDirective> {
    let mut waits: Vec<Vec<FileId>> = vec![Vec::new(); file.directives.len()];
    let mut seen: HashSet<(usize, FileId)> = HashSet::new();
    for wait in references.of(id).into_iter().flat_map(|references| &references.waits) {
        if seen.insert((wait.directive, wait.target)) {
            waits.get_mut(wait.directive).into_iter().for_each(|targets| targets.push(wait.target));
        }
    }
    let linked =
        file.directives.iter().zip(waits).enumerate().map(|(index, (directive, waits))| {
            LinkedDirective {
                directive: Arc::clone(directive),
                line: file.lines.line(directive.keyword.start()) + 1,
                waits,
                setup_files: setup_files.get(&(id, index)).cloned().unwrap_or_default(),
                span: directive.span,
            }
        });
    linked.collect()
}
