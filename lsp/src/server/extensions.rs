//! Requests that the protocol doesn't have: the flattened file, and the picture of the plan.
//!
//! `spec/language-server.md` describes them for people who write clients.

use super::backend::Backend;
use crate::plan::flattened::{self, Flattened};
use crate::plan::graph::{self, Graph};
use ls_types::{TextDocumentIdentifier, Uri};
use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

/// The method of [`Backend::flattened`].
pub(super) const FLATTENED: &str = "layerc/flattened";

/// The method of [`Backend::graph`].
pub(super) const GRAPH: &str = "layerc/graph";

/// What both requests are about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    text_document: TextDocumentIdentifier,
}

impl Backend {
    /// Shows the values of one copy of a document's SPLIT; arguments that mean nothing change nothing.
    pub(super) fn show_copy(&self, arguments: &[Value]) {
        let uri: Option<Uri> = arguments.first().and_then(|uri| uri.as_str()?.parse().ok());
        let copy =
            arguments.get(1).and_then(Value::as_u64).and_then(|copy| u32::try_from(copy).ok());
        if let Some(uri) = uri {
            self.scribe.change(move |state| state.show_copy(&uri, copy));
        }
    }

    /// The whole inherited machine of a file as one text; null if it isn't one of ours.
    pub(super) async fn flattened(&self, params: About) -> Result<Option<Flattened>> {
        self.about(params.text_document.uri, flattened::flattened).await
    }

    /// The plan of a file's repository as a picture; null if there is none.
    pub(super) async fn graph(&self, params: About) -> Result<Option<Graph>> {
        Ok(self.about(params.text_document.uri, graph::graph).await?.flatten())
    }
}
