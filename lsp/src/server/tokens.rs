//! The semantic tokens that each document was sent last, so that only differences have to be sent.

use crate::features::semantic_tokens::between;
use ls_types::{
    SemanticToken, SemanticTokens, SemanticTokensDelta, SemanticTokensFullDeltaResult, Uri,
};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Tokens by document.
#[derive(Debug, Default)]
pub(super) struct SentTokens {
    last: Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    documents: HashMap<Uri, (u64, Vec<SemanticToken>)>,
    count: u64,
}

impl SentTokens {
    /// All tokens, under a new id.
    pub(super) fn whole(&self, uri: Uri, data: Vec<SemanticToken>) -> SemanticTokens {
        let mut sent = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let id = sent.next_id();
        sent.documents.insert(uri, (id, data.clone()));
        SemanticTokens { result_id: Some(id.to_string()), data }
    }

    /// What changed since the answer `known`; all tokens if that isn't the last one.
    pub(super) fn changed(
        &self,
        uri: Uri,
        known: &str,
        data: Vec<SemanticToken>,
    ) -> SemanticTokensFullDeltaResult {
        let mut sent = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let id = sent.next_id();
        let result_id = Some(id.to_string());
        let before = sent.documents.insert(uri, (id, data.clone()));
        match before {
            Some((last, before)) if last.to_string() == known => {
                let edits = between(&before, &data);
                SemanticTokensFullDeltaResult::TokensDelta(SemanticTokensDelta { result_id, edits })
            }
            Some(_) | None => {
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
