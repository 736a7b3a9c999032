//! The server as the service library sees it: what it holds, and how a request becomes an answer.
//!
//! The methods of the protocol are in [`super::methods`].

use super::WORKERS;
use super::greeting::{Delivery, Greeting};
use super::guard::Leave;
use super::publisher::{Mode, Publisher, Refreshes};
use super::scribe::Scribe;
use super::tokens::SentTokens;
use super::trace::Trace;
use super::watcher::Watcher;
use crate::cancellation;
use crate::host::Host;
use crate::workspace::{FileView, Snapshot, State};
use ls_types::{InitializeParams, MessageType, Position, TextDocumentPositionParams, Uri};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};

/// The server for one client.
#[derive(Debug)]
pub(super) struct Backend {
    /// The way to the client.
    pub(super) client: Client,
    /// Where work is started.
    pub(super) handle: Handle,
    /// The way to the state.
    pub(super) scribe: Scribe,
    /// Pushes diagnostics.
    pub(super) publisher: Publisher,
    /// How the session ends.
    pub(super) leave: Arc<Leave>,
    /// What the client wants to hear of the server's work.
    pub(super) trace: Arc<Trace>,
    /// What the client was sent of each document's tokens.
    pub(super) sent_tokens: SentTokens,
    watcher: Arc<Watcher>,
    greeting: OnceLock<Greeting>,
    /// Threads for requests. All others wait here and not for a thread, so that messages are read all the time.
    workers: Arc<Semaphore>,
}

impl Backend {
    /// A server for one client.
    pub(super) fn new(
        host: Arc<dyn Host>,
        client: Client,
        handle: Handle,
        leave: Arc<Leave>,
        trace: Arc<Trace>,
    ) -> Self {
        trace.tell(client.clone(), handle.clone());
        let publisher = Publisher::start(client.clone(), handle.clone());
        let watcher = Watcher::new(Arc::clone(&host), publisher.clone());
        let state = State::new(host);
        let shellcheck = state.snapshot().shellcheck().clone();
        let scribe = Scribe::start(state, publisher.clone());
        let told = scribe.clone();
        // A change that changes nothing: the publisher compares and sends what is new.
        shellcheck.on_news(move || told.change(|_| {}));
        Self {
            client,
            handle,
            scribe,
            publisher,
            leave,
            trace,
            sent_tokens: SentTokens::default(),
            watcher: Arc::new(watcher),
            greeting: OnceLock::new(),
            workers: Arc::new(Semaphore::new(WORKERS)),
        }
    }

    /// Keeps what the client said of itself.
    pub(super) fn greet(&self, params: InitializeParams) -> &Greeting {
        self.greeting.get_or_init(|| Greeting::new(params))
    }

    /// What the client said of itself.
    ///
    /// # Errors
    /// If it said nothing yet; the library lets no request through before.
    pub(super) fn greeting(&self) -> Result<&Greeting> {
        self.greeting.get().ok_or_else(Error::invalid_request)
    }

    /// Begins to tell the client what it wants to hear.
    pub(super) fn speak(&self) {
        let Some(greeting) = self.greeting.get() else { return };
        let mode = match greeting.delivery() {
            Delivery::Pull => Mode::Refresh,
            Delivery::Push => Mode::Push,
        };
        let refreshes =
            Refreshes { hints: greeting.refreshes_hints(), lenses: greeting.refreshes_lenses() };
        self.publisher.speak(mode, refreshes);
    }

    /// Answers from the present moment, on a thread of its own. A panic is an error of this one request; when the
    /// client calls the request off, long work stops.
    pub(super) async fn answer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Snapshot) -> T + Send + 'static,
    ) -> Result<T> {
        let answer = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&answer);
        let work = move |snapshot: &Snapshot| {
            let answer = work(snapshot);
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        };
        self.perform(Box::new(work)).await?;
        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.ok_or_else(Error::internal_error)
    }

    /// [`Self::answer`] without the answer: one function for all requests, where each type of answer would make
    /// kilobytes of tasks and futures of its own.
    async fn perform(&self, work: Work) -> Result<()> {
        let snapshot = self.scribe.snapshot();
        let snapshot = snapshot.await.ok_or_else(Error::internal_error)?;
        let workers = Arc::clone(&self.workers);
        let worker = workers.acquire_owned().await.map_err(|_| Error::internal_error())?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&cancelled);
        let working = self.handle.spawn_blocking(move || {
            let _until_done = worker;
            cancellation::with(&seen, || work(&snapshot));
        });
        let _until_answered = CallOff { cancelled, work: working.abort_handle() };
        match working.await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                let text = "a request failed inside the server; it goes on";
                self.client.log_message(MessageType::ERROR, text).await;
                Err(Error::internal_error())
            }
        }
    }

    /// Answers about one document; nothing if it isn't one of ours.
    pub(super) async fn about<T: Send + 'static>(
        &self,
        uri: Uri,
        work: impl FnOnce(FileView<'_>) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        self.answer(move |snapshot| snapshot.file(&uri).map(work)).await
    }

    /// Answers about a place in a document.
    pub(super) async fn at<T: Send + 'static>(
        &self,
        place: TextDocumentPositionParams,
        work: impl FnOnce(FileView<'_>, Position) -> Option<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let position = place.position;
        let answer = self.about(place.text_document.uri, move |view| work(view, position));
        Ok(answer.await?.flatten())
    }

    /// Watches the repositories that there are after everything noted before.
    pub(super) fn watch_roots(&self) {
        let (watcher, scribe) = (Arc::clone(&self.watcher), self.scribe.clone());
        self.scribe.look(move |state| {
            watcher.watch(state.roots().map(Path::to_owned).collect(), &scribe);
        });
    }
}

/// What a request does with the present moment.
type Work = Box<dyn FnOnce(&Snapshot) + Send>;

/// Calls work off when nobody waits for it any more.
struct CallOff {
    cancelled: Arc<AtomicBool>,
    work: AbortHandle,
}

impl Drop for CallOff {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.work.abort();
    }
}
