//! The semantic tokens that each document was sent last, so that only differences have to be sent.

use crate::features::semantic_tokens::{between, updated, whole};
use crate::workspace::FileView;
use crate::workspace::document::Document;
use ls_types::{
    SemanticToken, SemanticTokens, SemanticTokensDelta, SemanticTokensFullDeltaResult, Uri,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Tokens by document.
#[derive(Debug, Default)]
pub(super) struct SentTokens {
    last: Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    documents: HashMap<Uri, (u64, Painted)>,
    count: u64,
}

/// The tokens of a document at one moment.
#[derive(Debug, Clone)]
pub(super) struct Painted {
    document: Arc<Document>,
    tokens: Arc<Vec<SemanticToken>>,
}

impl Painted {
    /// All tokens of a document; those of lines that were painted before are taken from there.
    pub(super) fn of(view: FileView<'_>, before: Option<&Self>) -> Self {
        let tokens = match before {
            Some(before) => updated(view, &before.document, &before.tokens),
            None => whole(view),
        };
        Self { document: Arc::clone(view.document), tokens: Arc::new(tokens) }
    }
}

impl SentTokens {
    /// What a document was sent last.
    pub(super) fn last(&self, uri: &Uri) -> Option<Painted> {
        let sent = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        sent.documents.get(uri).map(|(_, painted)| painted.clone())
    }

    /// All tokens, under a new id.
    pub(super) fn whole(&self, uri: Uri, painted: Painted) -> SemanticTokens {
        let data = painted.tokens.to_vec();
        let mut sent = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let id = sent.next_id();
        sent.documents.insert(uri, (id, painted));
        SemanticTokens { result_id: Some(id.to_string()), data }
    }

    /// What changed since the answer `known`; all tokens if that isn't the last one.
    pub(super) fn changed(
        &self,
        uri: Uri,
        known: &str,
        painted: Painted,
    ) -> SemanticTokensFullDeltaResult {
        let tokens = Arc::clone(&painted.tokens);
        let mut sent = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let id = sent.next_id();
        let result_id = Some(id.to_string());
        let before = sent.documents.insert(uri, (id, painted));
        drop(sent);
        match before {
            Some((last, before)) if last.to_string() == known => {
                let edits = between(&before.tokens, &tokens);
                SemanticTokensFullDeltaResult::TokensDelta(SemanticTokensDelta { result_id, edits })
            }
            Some(_) | None => {
                let data = tokens.to_vec();
                SemanticTokensFullDeltaResult::Tokens(SemanticTokens { result_id, data })
            }
        }
    }

    /// The document is closed.
    pub(super) fn forget(&self, uri: &Uri) {
        let mut sent = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        sent.documents.remove(uri);
    }
}

impl Sent {
    const fn next_id(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}
