//! Every method of the protocol, each a line or two: notes for the scribe, or a feature on a snapshot.

use super::capabilities::{self, Delivery};
use super::guard::Leave;
use super::publisher::{Mode, Publisher};
use super::scribe::Scribe;
use super::watcher::Watcher;
use super::{configuration, parent};
use crate::features::{self, pull};
use crate::host::Host;
use crate::workspace::{FileView, PositionEncoding, Snapshot, State, uri};
use ls_types::{
    DidChangeConfigurationParams, DidChangeTextDocumentParams, DidChangeWatchedFilesParams,
    DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, DocumentDiagnosticParams, DocumentDiagnosticReportResult, Hover,
    HoverParams, InitializeParams, InitializeResult, InitializedParams, MessageType, Uri,
    WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult,
};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Handle;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::{Client, LanguageServer};

/// The server as the service library sees it.
#[derive(Debug)]
pub(super) struct Backend {
    client: Client,
    handle: Handle,
    scribe: Scribe,
    publisher: Publisher,
    watcher: Arc<Watcher>,
    leave: Arc<Leave>,
    greeting: OnceLock<InitializeParams>,
}

impl Backend {
    /// A server for one client.
    pub(super) fn new(
        host: Arc<dyn Host>,
        client: Client,
        handle: Handle,
        leave: Arc<Leave>,
    ) -> Self {
        let publisher = Publisher::start(client.clone(), handle.clone());
        let scribe = Scribe::start(State::new(host), publisher.clone());
        let (watcher, greeting) = (Arc::default(), OnceLock::new());
        Self { client, handle, scribe, publisher, watcher, leave, greeting }
    }

    /// Answers from the present moment, on a thread of its own. A panic is an error of this one request.
    async fn answer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Snapshot) -> T + Send + 'static,
    ) -> Result<T> {
        let snapshot = self.scribe.snapshot();
        let snapshot = snapshot.await.ok_or_else(Error::internal_error)?;
        let worked = self.handle.spawn_blocking(move || work(&snapshot)).await;
        match worked {
            Ok(answer) => Ok(answer),
            Err(_) => {
                let text = "a request failed inside the server; it goes on";
                self.client.log_message(MessageType::ERROR, text).await;
                Err(Error::internal_error())
            }
        }
    }

    /// Answers about one document; nothing if it isn't one of ours.
    async fn about<T: Send + 'static>(
        &self,
        uri: Uri,
        work: impl FnOnce(FileView<'_>) -> Option<T> + Send + 'static,
    ) -> Result<Option<T>> {
        self.answer(move |snapshot| snapshot.file(&uri).and_then(work)).await
    }

    fn watch_roots(&self) {
        let (watcher, scribe) = (Arc::clone(&self.watcher), self.scribe.clone());
        self.scribe.change(move |state| {
            let roots = state.roots().map(std::path::Path::to_owned).collect();
            watcher.watch(roots, &scribe);
        });
    }
}

/// The directories that a client works in, by whichever of the protocol's ways it says so.
fn folders(greeting: &InitializeParams) -> Vec<PathBuf> {
    if let Some(folders) = &greeting.workspace_folders {
        return folders.iter().filter_map(|folder| uri::path_of(&folder.uri)).collect();
    }
    #[expect(deprecated, reason = "older clients send nothing else")]
    let root = greeting.root_uri.as_ref().and_then(uri::path_of);
    root.into_iter().collect()
}

fn delivery(greeting: &InitializeParams) -> Delivery {
    let text = greeting.capabilities.text_document.as_ref();
    let workspace = greeting.capabilities.workspace.as_ref();
    let refreshes = workspace
        .and_then(|workspace| workspace.diagnostics.as_ref())
        .and_then(|diagnostics| diagnostics.refresh_support)
        == Some(true);
    let asks = text.is_some_and(|text| text.diagnostic.is_some());
    if asks && refreshes { Delivery::Pull } else { Delivery::Push }
}

fn configures_by_request(greeting: &InitializeParams) -> bool {
    let workspace = greeting.capabilities.workspace.as_ref();
    workspace.and_then(|workspace| workspace.configuration) == Some(true)
}

impl LanguageServer for Backend {
    async fn initialize(&self, greeting: InitializeParams) -> Result<InitializeResult> {
        let general = greeting.capabilities.general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_deref());
        let encoding = PositionEncoding::negotiate(offered);
        self.scribe.change(move |state| state.agree_on(encoding));
        if let Some(options) = &greeting.initialization_options {
            configuration::pushed(&self.scribe, options);
        }
        if let Some(process) = greeting.process_id {
            parent::watch(process, &self.handle, Arc::clone(&self.leave));
        }
        for folder in folders(&greeting) {
            self.scribe.change(move |state| state.add_folder(&folder));
        }
        let answer = capabilities::greeting(encoding, delivery(&greeting));
        let _only_once = self.greeting.set(greeting);
        Ok(answer)
    }

    async fn initialized(&self, _: InitializedParams) {
        self.publisher.set_mode(match self.greeting.get().map(delivery) {
            Some(Delivery::Pull) => Mode::Refresh,
            Some(Delivery::Push) | None => Mode::Push,
        });
        self.watch_roots();
        if self.greeting.get().is_some_and(configures_by_request) {
            configuration::pull(&self.client, &self.scribe).await;
        }
    }

    async fn shutdown(&self) -> Result<()> {
        self.publisher.set_mode(Mode::Silent);
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let opened = params.text_document;
        self.scribe.change(move |state| state.open(opened.uri, opened.version, opened.text));
        self.watch_roots();
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let (name, changes) = (params.text_document, params.content_changes);
        self.scribe.change(move |state| state.change(&name.uri, name.version, &changes));
    }

    async fn did_save(&self, _: DidSaveTextDocumentParams) {}

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.scribe.change(move |state| state.close(&params.text_document.uri));
        self.watch_roots();
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if self.greeting.get().is_some_and(configures_by_request) {
            configuration::pull(&self.client, &self.scribe).await;
        } else {
            configuration::pushed(&self.scribe, &params.settings);
        }
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let event = params.event;
        self.scribe.change(move |state| {
            for folder in event.added.iter().filter_map(|folder| uri::path_of(&folder.uri)) {
                state.add_folder(&folder);
            }
            for folder in event.removed.iter().filter_map(|folder| uri::path_of(&folder.uri)) {
                state.remove_folder(&folder);
            }
        });
        self.watch_roots();
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        let changed = params.changes.iter().filter_map(|change| uri::path_of(&change.uri));
        let changed: Vec<PathBuf> = changed.collect();
        self.scribe.change(move |state| state.disk_changed(&changed));
    }

    async fn diagnostic(
        &self,
        params: DocumentDiagnosticParams,
    ) -> Result<DocumentDiagnosticReportResult> {
        let (uri, known) = (params.text_document.uri, params.previous_result_id);
        self.answer(move |snapshot| pull::document(snapshot, &uri, known.as_deref())).await
    }

    async fn workspace_diagnostic(
        &self,
        params: WorkspaceDiagnosticParams,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        self.answer(move |snapshot| pull::workspace(snapshot, params.previous_result_ids)).await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let place = params.text_document_position_params;
        self.about(place.text_document.uri, move |view| {
            features::hover::hover(view, place.position)
        })
        .await
    }
}
