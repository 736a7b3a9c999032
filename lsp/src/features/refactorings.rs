//! Refactorings as code actions, and the renaming of layers: changes of [`crate::refactor`] in protocol types.
//!
//! Nothing is offered before the machines of the whole repository were compared, before and after.

use crate::refactor::{
    Change, Edit, Operation, Refusal, Repository, commands, extract, hoist, in_order, inline,
    moving, paste, proof,
};
use crate::workspace::{FileView, uri};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::Span;
use ls_types::{
    CodeAction, CodeActionKind, CreateFile, CreateFileOptions, DocumentChangeOperation,
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, Position, Range, RenameFile,
    RenameFileOptions, ResourceOp, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};

/// The refactorings that can be done at a range, each proven.
pub fn actions(
    view: FileView<'_>,
    range: Range,
    wanted: impl Fn(&CodeActionKind) -> bool,
) -> Vec<CodeAction> {
    let span = view.positions().span(range);
    let kinds = [
        CodeActionKind::REFACTOR_EXTRACT,
        CodeActionKind::REFACTOR_INLINE,
        CodeActionKind::REFACTOR_REWRITE,
    ];
    let wanted: Vec<CodeActionKind> = kinds.into_iter().filter(|kind| wanted(kind)).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let repository = refactored(view);
    let offered: Vec<(CodeActionKind, Change)> = wanted
        .into_iter()
        .flat_map(|kind| {
            let changes = changes(view, &repository, span, &kind);
            changes.into_iter().map(move |change| (kind.clone(), change))
        })
        .collect();
    if offered.is_empty() {
        return Vec::new();
    }
    let before = proof::machines(repository.project);
    let proven = offered.into_iter().filter(|(_, change)| {
        !crate::cancellation::is_cancelled()
            && proof::prove_against(&before, &repository, change).is_ok()
    });
    proven.filter_map(|(kind, change)| action(view, kind, change)).collect()
}

/// The project of a view as refactorings see it.
fn refactored<'s>(view: FileView<'s>) -> Repository<'s> {
    Repository::new(view.repository.project(), view.repository.as_ref(), view.repository.tree())
}

fn changes(
    view: FileView<'_>,
    repository: &Repository<'_>,
    span: Span,
    kind: &CodeActionKind,
) -> Vec<Change> {
    let at_from =
        view.analysis().directives.first().is_some_and(|from| from.span.touches(span.start()));
    let results: Vec<Result<Change, Refusal>> = if *kind == CodeActionKind::REFACTOR_EXTRACT {
        let hoisted = at_from.then(|| hoist::hoist_common_steps(repository, view.id));
        let extracted =
            (!span.is_empty()).then(|| extract::extract_parent(repository, view.id, span));
        hoisted.into_iter().chain(extracted).collect()
    } else if *kind == CodeActionKind::REFACTOR_INLINE {
        at_from.then(|| inline::inline_parent(repository, view.id)).into_iter().collect()
    } else {
        vec![
            commands::split_run(repository, view.id, span.start()),
            commands::join_runs(repository, view.id, span.start()),
            paste::convert_pasted(view.document.path(), view.text(), span),
        ]
    };
    results.into_iter().flatten().collect()
}

fn action(view: FileView<'_>, kind: CodeActionKind, change: Change) -> Option<CodeAction> {
    let edit = workspace_edit(view, &change)?;
    Some(CodeAction {
        title: change.title,
        kind: Some(kind),
        edit: Some(edit),
        ..CodeAction::default()
    })
}

/// The name of the layer that the word at `offset` names, and the word.
pub fn layer_at(view: FileView<'_>, offset: u32) -> Option<(String, Span)> {
    let repository = refactored(view);
    let (layer, span) = moving::layer_at(&repository, view.id, offset)?;
    let path = view.sibling(layer)?.document.path().parent()?;
    Some((path.file_name()?.to_owned(), span))
}

/// The edits that give the layer at `offset` another name: its directory moves, every reference follows.
///
/// # Errors
/// If it can't have the name; the words say why.
pub fn rename_layer(
    view: FileView<'_>,
    offset: u32,
    name: &str,
) -> Result<Option<WorkspaceEdit>, String> {
    let repository = refactored(view);
    let Some((layer, _)) = moving::layer_at(&repository, view.id, offset) else { return Ok(None) };
    let change = moving::rename_layer(&repository, layer, name).map_err(|refusal| refusal.0)?;
    proof::prove(&repository, &change).map_err(|refusal| refusal.0)?;
    Ok(workspace_edit(view, &change))
}

/// A change for the protocol; `None` if the repository is in no directory and files would have to be made.
fn workspace_edit(view: FileView<'_>, change: &Change) -> Option<WorkspaceEdit> {
    let mut operations = Vec::new();
    for operation in &change.operations {
        match operation {
            Operation::Edit { path, edits } => {
                operations.push(DocumentChangeOperation::Edit(document_edit(view, path, edits)?));
            }
            Operation::Create { path, text } => {
                let uri = uri_of(view, path)?;
                operations.extend(created(uri, text));
            }
            Operation::Rename { from, to } => {
                let options =
                    RenameFileOptions { overwrite: Some(false), ignore_if_exists: Some(false) };
                let rename = RenameFile {
                    old_uri: uri_of(view, from)?,
                    new_uri: uri_of(view, to)?,
                    options: Some(options),
                    annotation_id: None,
                };
                operations.push(DocumentChangeOperation::Op(ResourceOp::Rename(rename)));
            }
        }
    }
    Some(WorkspaceEdit {
        document_changes: Some(DocumentChanges::Operations(operations)),
        ..WorkspaceEdit::default()
    })
}

fn uri_of(view: FileView<'_>, path: &RepoPath) -> Option<Uri> {
    uri::of_path(&view.repository.absolute(path)?)
}

fn document_edit(view: FileView<'_>, path: &RepoPath, edits: &[Edit]) -> Option<TextDocumentEdit> {
    let file = view.sibling(view.repository.find(path)?)?;
    let sorted = in_order(edits.iter().collect());
    let edit = |edit: &Edit| {
        OneOf::Left(TextEdit { range: file.range(edit.span), new_text: edit.replacement.clone() })
    };
    Some(TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier {
            uri: file.document.uri().clone(),
            version: file.document.version(),
        },
        edits: sorted.into_iter().map(edit).collect(),
    })
}

/// A new file and its text.
fn created(uri: Uri, text: &str) -> [DocumentChangeOperation; 2] {
    let options = CreateFileOptions { overwrite: Some(false), ignore_if_exists: Some(false) };
    let create = CreateFile { uri: uri.clone(), options: Some(options), annotation_id: None };
    let start = Position { line: 0, character: 0 };
    let edit = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri, version: None },
        edits: vec![OneOf::Left(TextEdit {
            range: Range { start, end: start },
            new_text: text.to_owned(),
        })],
    };
    [DocumentChangeOperation::Op(ResourceOp::Create(create)), DocumentChangeOperation::Edit(edit)]
}
