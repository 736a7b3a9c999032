//! What the client said of itself in `initialize`, as answers to the questions that the server has.

use crate::features::code_lens::ClientCommands;
use crate::features::completion::Snippets;
use crate::workspace::{PositionEncoding, uri};
use ls_types::{
    ClientCapabilities, InitializeParams, MarkupKind, ResourceOperationKind,
    TextDocumentClientCapabilities, TraceValue, WorkspaceClientCapabilities,
    WorkspaceEditClientCapabilities,
};
use serde_json::Value;
use std::path::PathBuf;

/// How diagnostics reach the client. Never both ways: it would show each of them twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The server sends them.
    Push,
    /// The client asks, and can be told to ask again.
    Pull,
}

/// A client's `initialize`.
#[derive(Debug)]
pub(super) struct Greeting {
    params: InitializeParams,
}

impl Greeting {
    /// What the client sent.
    pub(super) const fn new(params: InitializeParams) -> Self {
        Self { params }
    }

    const fn capabilities(&self) -> &ClientCapabilities {
        &self.params.capabilities
    }

    fn text(&self) -> Option<&TextDocumentClientCapabilities> {
        self.capabilities().text_document.as_ref()
    }

    fn workspace(&self) -> Option<&WorkspaceClientCapabilities> {
        self.capabilities().workspace.as_ref()
    }

    /// The process that started the server.
    pub(super) const fn process(&self) -> Option<u32> {
        self.params.process_id
    }

    /// How much it wants to hear of the server's work.
    pub(super) fn trace(&self) -> TraceValue {
        self.params.trace.unwrap_or_default()
    }

    /// Settings that came along.
    pub(super) const fn options(&self) -> Option<&Value> {
        self.params.initialization_options.as_ref()
    }

    /// The directories that the client works in, by whichever of the protocol's ways it says so.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        if let Some(folders) = &self.params.workspace_folders {
            return folders.iter().filter_map(|folder| uri::path_of(&folder.uri)).collect();
        }
        #[expect(deprecated, reason = "older clients send nothing else")]
        let root = self.params.root_uri.as_ref().and_then(uri::path_of);
        root.into_iter().collect()
    }

    /// What characters of positions count.
    pub(super) fn encoding(&self) -> PositionEncoding {
        let general = self.capabilities().general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_deref());
        PositionEncoding::negotiate(offered)
    }

    /// How diagnostics reach it.
    pub(super) fn delivery(&self) -> Delivery {
        let diagnostics = self.workspace().and_then(|workspace| workspace.diagnostics.as_ref());
        let refreshes = diagnostics.and_then(|diagnostics| diagnostics.refresh_support);
        let asks = self.text().is_some_and(|text| text.diagnostic.is_some());
        if asks && refreshes == Some(true) { Delivery::Pull } else { Delivery::Push }
    }

    /// Whether settings have to be asked for.
    pub(super) fn is_asked_for_settings(&self) -> bool {
        self.workspace().and_then(|workspace| workspace.configuration) == Some(true)
    }

    /// Whether it shows progress.
    pub(super) fn shows_progress(&self) -> bool {
        let window = self.capabilities().window.as_ref();
        window.and_then(|window| window.work_done_progress) == Some(true)
    }

    /// Whether it fills in snippets.
    pub(super) fn snippets(&self) -> Snippets {
        let completion = self.text().and_then(|text| text.completion.as_ref());
        let item = completion.and_then(|completion| completion.completion_item.as_ref());
        match item.and_then(|item| item.snippet_support) {
            Some(true) => Snippets::Understood,
            Some(false) | None => Snippets::Plain,
        }
    }

    /// Whether a definition may say where it was asked from.
    pub(super) fn takes_links(&self) -> bool {
        let definition = self.text().and_then(|text| text.definition);
        definition.and_then(|definition| definition.link_support) == Some(true)
    }

    /// Whether links may say what following them does.
    pub(super) fn takes_link_tooltips(&self) -> bool {
        let links = self.text().and_then(|text| text.document_link.as_ref());
        links.and_then(|links| links.tooltip_support) == Some(true)
    }

    /// Whether hovers may be Markdown.
    pub(super) fn takes_markdown(&self) -> bool {
        let hover = self.text().and_then(|text| text.hover.as_ref());
        let formats = hover.and_then(|hover| hover.content_format.as_ref());
        formats.is_some_and(|formats| formats.contains(&MarkupKind::Markdown))
    }

    /// The commands that it carries out itself when a lens names them. The protocol has no field for it; clients say it
    /// under `experimental`, as they do to other servers.
    pub(super) fn commands(&self) -> ClientCommands {
        let experimental = self.capabilities().experimental.as_ref();
        let names =
            experimental.and_then(|given| given.get("commands")?.get("commands")?.as_array());
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    }

    /// Whether outlines may be trees.
    pub(super) fn takes_trees(&self) -> bool {
        let symbols = self.text().and_then(|text| text.document_symbol.as_ref());
        symbols.and_then(|symbols| symbols.hierarchical_document_symbol_support) == Some(true)
    }

    fn workspace_edit(&self) -> Option<&WorkspaceEditClientCapabilities> {
        self.workspace()?.workspace_edit.as_ref()
    }

    /// Whether edits may name versions of documents.
    pub(super) fn takes_document_changes(&self) -> bool {
        self.workspace_edit().and_then(|edit| edit.document_changes) == Some(true)
    }

    /// Whether it makes, moves or removes files as part of an edit.
    pub(super) fn operates(&self, kind: ResourceOperationKind) -> bool {
        let kinds = self.workspace_edit().and_then(|edit| edit.resource_operations.as_ref());
        kinds.is_some_and(|kinds| kinds.contains(&kind))
    }

    /// Whether it shows actions that can't be taken, with the reason.
    pub(super) fn takes_disabled_actions(&self) -> bool {
        let actions = self.text().and_then(|text| text.code_action.as_ref());
        actions.and_then(|actions| actions.disabled_support) == Some(true)
    }

    /// Whether hints can be asked to be computed again.
    pub(super) fn refreshes_hints(&self) -> bool {
        let hints = self.workspace().and_then(|workspace| workspace.inlay_hint.as_ref());
        hints.and_then(|hints| hints.refresh_support) == Some(true)
    }

    /// Whether lenses can be asked to be computed again.
    pub(super) fn refreshes_lenses(&self) -> bool {
        let lenses = self.workspace().and_then(|workspace| workspace.code_lens.as_ref());
        lenses.and_then(|lenses| lenses.refresh_support) == Some(true)
    }
}
