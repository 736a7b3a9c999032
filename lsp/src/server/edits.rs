//! Changes in the form that the client takes, or what it lacks for them.
//!
//! The protocol has two forms: texts by document, and a list in which documents have versions and files are made and moved
//! between edits. Which of the list a client does it says twice, apart: Neovim moves files and says nothing of the list, Emacs
//! takes the list and moves nothing. A change that needs what a client can't do is never sent in parts: references would
//! name a directory that nobody moved.

use super::greeting::Greeting;
use ls_types::{
    CodeAction, CodeActionDisabled, DocumentChangeOperation, DocumentChanges, OneOf, ResourceOp,
    ResourceOperationKind, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};
use std::collections::HashMap;

/// What a change needs and the client doesn't do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// A file has to be made.
    Making,
    /// A file or a directory has to be moved.
    Moving,
    /// A file has to be removed.
    Removing,
}

impl Lack {
    /// What moving a directory lacks.
    pub(super) fn of_moving(greeting: &Greeting) -> Option<Self> {
        (!greeting.operates(ResourceOperationKind::Rename)).then_some(Self::Moving)
    }

    /// What the user is told, with what to do instead where there is something.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Making => "this editor makes no files for a language server",
            Self::Moving => {
                "this editor moves no files for a language server: move it by hand, the lines that name it are findings then"
            }
            Self::Removing => "this editor removes no files for a language server",
        }
    }

    fn of(greeting: &Greeting, operation: &DocumentChangeOperation) -> Option<Self> {
        let DocumentChangeOperation::Op(operation) = operation else { return None };
        let (kind, lack) = match operation {
            ResourceOp::Create(_) => (ResourceOperationKind::Create, Self::Making),
            ResourceOp::Rename(_) => (ResourceOperationKind::Rename, Self::Moving),
            ResourceOp::Delete(_) => (ResourceOperationKind::Delete, Self::Removing),
        };
        (!greeting.operates(kind)).then_some(lack)
    }
}

/// A change to documents and files.
///
/// # Errors
/// What the client lacks for it.
pub(super) fn edit(greeting: &Greeting, edit: WorkspaceEdit) -> Result<WorkspaceEdit, Lack> {
    let documents = match edit.document_changes {
        Some(DocumentChanges::Operations(operations)) => {
            if let Some(lack) = operations.iter().find_map(|one| Lack::of(greeting, one)) {
                return Err(lack);
            }
            match only_documents(&operations) {
                Some(documents) => documents,
                None => return Ok(listed(DocumentChanges::Operations(operations))),
            }
        }
        Some(DocumentChanges::Edits(documents)) => documents,
        None => return Ok(edit),
    };
    if greeting.takes_document_changes() {
        return Ok(listed(DocumentChanges::Edits(documents)));
    }
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for document in documents {
        let edits = document.edits.into_iter().map(|edit| match edit {
            OneOf::Left(edit) => edit,
            OneOf::Right(annotated) => annotated.text_edit,
        });
        changes.entry(document.text_document.uri).or_default().extend(edits);
    }
    Ok(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}

fn listed(changes: DocumentChanges) -> WorkspaceEdit {
    WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() }
}

/// The edits, if no file is made, moved or removed between them.
fn only_documents(operations: &[DocumentChangeOperation]) -> Option<Vec<TextDocumentEdit>> {
    let document = |operation: &DocumentChangeOperation| match operation {
        DocumentChangeOperation::Edit(edit) => Some(edit.clone()),
        DocumentChangeOperation::Op(_) => None,
    };
    operations.iter().map(document).collect()
}

/// An action with its edit. One that the client can't carry out is shown with the reason, where it shows such actions.
pub(super) fn action(greeting: &Greeting, action: CodeAction) -> Option<CodeAction> {
    let Some(given) = action.edit else { return Some(action) };
    match edit(greeting, given) {
        Ok(edit) => Some(CodeAction { edit: Some(edit), ..action }),
        Err(lack) => greeting.takes_disabled_actions().then(|| CodeAction {
            edit: None,
            is_preferred: None,
            disabled: Some(CodeActionDisabled { reason: lack.words().to_owned() }),
            ..action
        }),
    }
}
