//! What the client is about to do with files, as questions to the features: which edits go along with it.

use crate::features::edit::Edits;
use crate::features::moves::{self, Moves};
use crate::workspace::{Repository, Snapshot, uri};
use layerc_compiler::repo_path::RepoPath;
use ls_types::{
    DocumentChanges, FileRename, OneOf, OptionalVersionedTextDocumentIdentifier, Range,
    TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};
use std::sync::Arc;

/// A client's name as a repository and a path in it.
fn placed<'s>(snapshot: &'s Snapshot, name: &str) -> Option<(&'s Arc<Repository>, RepoPath)> {
    let uri: Uri = name.parse().ok()?;
    snapshot.locate(&uri::path_of(&uri)?)
}

/// Edits that follow files which move inside their repository. Moves between repositories are left to findings.
pub(super) fn renamed(snapshot: &Snapshot, files: &[FileRename]) -> Option<WorkspaceEdit> {
    let moves = files.iter().filter_map(|file| {
        let (repository, from) = placed(snapshot, &file.old_uri)?;
        let (target, to) = placed(snapshot, &file.new_uri)?;
        Arc::ptr_eq(repository, target).then_some((repository, (from, to)))
    });
    let by_repository = grouped(moves);
    joined(
        by_repository
            .into_iter()
            .map(|(repository, moved)| moves::follow(snapshot, repository, &Moves::new(moved))),
    )
}

/// Edits that take out what names files which go away.
pub(super) fn deleted<'n>(
    snapshot: &Snapshot,
    names: impl Iterator<Item = &'n str>,
) -> Option<WorkspaceEdit> {
    let by_repository = grouped(names.filter_map(|name| placed(snapshot, name)));
    joined(
        by_repository
            .into_iter()
            .map(|(repository, gone)| moves::forget(snapshot, repository, &gone)),
    )
}

/// The first line of Layerfiles that are made.
pub(super) fn created<'n>(
    snapshot: &Snapshot,
    names: impl Iterator<Item = &'n str>,
) -> Option<WorkspaceEdit> {
    let documents: Vec<TextDocumentEdit> = names
        .filter_map(|name| {
            let (repository, path) = placed(snapshot, name)?;
            let new_text = moves::first_text(snapshot, repository, &path)?;
            let edit = TextEdit { range: Range::default(), new_text };
            let uri = name.parse().ok()?;
            let text_document = OptionalVersionedTextDocumentIdentifier { uri, version: None };
            Some(TextDocumentEdit { text_document, edits: vec![OneOf::Left(edit)] })
        })
        .collect();
    (!documents.is_empty()).then(|| of_documents(documents))
}

fn grouped<'s, T>(
    found: impl Iterator<Item = (&'s Arc<Repository>, T)>,
) -> Vec<(&'s Arc<Repository>, Vec<T>)> {
    let mut groups: Vec<(&Arc<Repository>, Vec<T>)> = Vec::new();
    for (repository, item) in found {
        match groups.iter_mut().find(|(known, _)| Arc::ptr_eq(known, repository)) {
            Some((_, items)) => items.push(item),
            None => groups.push((repository, vec![item])),
        }
    }
    groups
}

fn joined<'s>(edits: impl Iterator<Item = Edits<'s>>) -> Option<WorkspaceEdit> {
    let documents: Vec<TextDocumentEdit> = edits.flat_map(Edits::into_documents).collect();
    (!documents.is_empty()).then(|| of_documents(documents))
}

fn of_documents(documents: Vec<TextDocumentEdit>) -> WorkspaceEdit {
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Edits(documents)),
        ..WorkspaceEdit::default()
    }
}
