//! Messages that the library doesn't have: the flattened file and the picture of the plan, which are ours, and those of the
//! protocol that came after it.
//!
//! `spec/language-server.md` describes ours for people who write clients.

use super::backend::Backend;
use crate::features::formatting;
use crate::plan::flattened::{self, Flattened};
use crate::plan::graph::{self, Graph};
use ls_types::{Range, TextDocumentIdentifier, TextEdit, Uri};
use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

/// The method of [`Backend::flattened`].
pub(super) const FLATTENED: &str = "layerc/flattened";

/// The method of [`Backend::graph`].
pub(super) const GRAPH: &str = "layerc/graph";

/// The method of [`Backend::format_ranges`], of version 3.18.
pub(super) const FORMAT_RANGES: &str = "textDocument/rangesFormatting";

/// Stretches of a document to put in the layout.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FormatRanges {
    text_document: TextDocumentIdentifier,
    ranges: Vec<Range>,
}

/// What our requests are about.
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

    /// The layout of several stretches of a document at once.
    pub(super) async fn format_ranges(
        &self,
        params: FormatRanges,
    ) -> Result<Option<Vec<TextEdit>>> {
        let ranges = params.ranges;
        self.about(params.text_document.uri, move |view| formatting::ranges(view, &ranges)).await
    }

    /// The plan of a file's repository as a picture; null if there is none.
    pub(super) async fn graph(&self, params: About) -> Result<Option<Graph>> {
        Ok(self.about(params.text_document.uri, graph::graph).await?.flatten())
    }
}
