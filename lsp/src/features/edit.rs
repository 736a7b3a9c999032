//! Edits of several documents as one protocol value, with versions, sorted.

use crate::workspace::FileView;
use layerc_compiler::span::Span;
use ls_types::{
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit,
    WorkspaceEdit,
};
use std::collections::BTreeMap;

/// A change to several Layerfiles of one repository.
#[derive(Debug, Default)]
pub struct Edits<'s> {
    files: BTreeMap<usize, (FileView<'s>, Vec<(Span, String)>)>,
}

impl<'s> Edits<'s> {
    /// Replaces a span of a file.
    pub fn replace(&mut self, view: FileView<'s>, span: Span, text: impl Into<String>) {
        let (_, edits) = self.files.entry(view.id.index()).or_insert_with(|| (view, Vec::new()));
        edits.push((span, text.into()));
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The edits of each document, in the order of the files.
    pub fn into_documents(self) -> Vec<TextDocumentEdit> {
        self.files.into_values().map(|(view, edits)| document_edit(view, edits)).collect()
    }

    /// The change for the protocol.
    pub fn into_workspace_edit(self) -> WorkspaceEdit {
        WorkspaceEdit {
            document_changes: Some(DocumentChanges::Edits(self.into_documents())),
            ..WorkspaceEdit::default()
        }
    }
}

fn document_edit(view: FileView<'_>, mut edits: Vec<(Span, String)>) -> TextDocumentEdit {
    edits.sort_by_key(|(span, _)| *span);
    edits.dedup();
    let text_edit = |(span, new_text)| OneOf::Left(TextEdit { range: view.range(span), new_text });
    TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier {
            uri: view.document.uri().clone(),
            version: view.document.version(),
        },
        edits: edits.into_iter().map(text_edit).collect(),
    }
}
