//! Pushes diagnostics: compares each new moment with what the client was shown last and sends what differs.
//!
//! Works on the latest moment only; while it works, newer ones replace each other. Knows nothing of edits.

use crate::features::diagnostics;
use crate::workspace::Snapshot;
use ls_types::{Diagnostic, Uri};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::runtime::Handle;
use tower_lsp::Client;

/// Who wants diagnostics pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nobody yet: the client has not finished its greeting.
    Silent,
    /// The client is sent diagnostics.
    Push,
    /// The client asks for them itself; it is told when to ask again.
    Refresh,
}

#[derive(Debug)]
struct Slot {
    mode: Mode,
    latest: Option<Arc<Snapshot>>,
}

/// The way to the thread that publishes.
#[derive(Debug, Clone)]
pub(super) struct Publisher {
    shared: Arc<(Mutex<Slot>, Condvar)>,
}

impl Publisher {
    /// Starts the thread.
    pub(super) fn start(client: Client, handle: Handle) -> Self {
        let slot = Slot { mode: Mode::Silent, latest: None };
        let publisher = Self { shared: Arc::new((Mutex::new(slot), Condvar::new())) };
        let own = publisher.clone();
        let work = move || own.work(&client, &handle);
        // Without a thread diagnostics stay away; requests are answered all the same.
        let _thread = std::thread::Builder::new().name("publisher".to_owned()).spawn(work);
        publisher
    }

    /// Decides who is told what.
    pub(super) fn set_mode(&self, mode: Mode) {
        let (slot, changed) = &*self.shared;
        slot.lock().unwrap_or_else(PoisonError::into_inner).mode = mode;
        changed.notify_one();
    }

    /// There is a new moment.
    pub(super) fn show(&self, snapshot: Arc<Snapshot>) {
        let (slot, changed) = &*self.shared;
        slot.lock().unwrap_or_else(PoisonError::into_inner).latest = Some(snapshot);
        changed.notify_one();
    }

    fn next(&self) -> (Mode, Arc<Snapshot>) {
        let (slot, changed) = &*self.shared;
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if slot.mode != Mode::Silent
                && let Some(snapshot) = slot.latest.take()
            {
                return (slot.mode, snapshot);
            }
            slot = changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, client: &Client, handle: &Handle) {
        let mut shown = Shown::default();
        loop {
            let (mode, snapshot) = self.next();
            let sending = catch_unwind(AssertUnwindSafe(|| shown.differences(&snapshot)));
            let Ok(differences) = sending else { continue };
            match mode {
                Mode::Silent => {}
                Mode::Push => handle.block_on(send(client, differences)),
                Mode::Refresh => {
                    if !differences.is_empty() {
                        let client = client.clone();
                        handle.spawn(async move { client.workspace_diagnostic_refresh().await });
                    }
                }
            }
        }
    }
}

/// Diagnostics of one file to send.
#[derive(Debug)]
struct Message {
    uri: Uri,
    diagnostics: Vec<Diagnostic>,
    version: Option<i32>,
}

async fn send(client: &Client, messages: Vec<Message>) {
    for message in messages {
        client.publish_diagnostics(message.uri, message.diagnostics, message.version).await;
    }
}

/// What the client was shown last, by file.
#[derive(Debug, Default)]
struct Shown {
    files: BTreeMap<Uri, (Option<i32>, Vec<Diagnostic>)>,
}

impl Shown {
    /// What the client has to be sent to see `snapshot`; from now on it counts as shown.
    fn differences(&mut self, snapshot: &Snapshot) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut now = BTreeMap::new();
        for (view, diagnostics) in diagnostics::of_snapshot(snapshot) {
            let uri = view.document.uri().clone();
            let version = view.document.version();
            let before = self.files.remove(&uri);
            let same = match &before {
                Some((shown_version, shown)) => {
                    *shown == diagnostics && (*shown_version == version || version.is_none())
                }
                None => diagnostics.is_empty() && version.is_none(),
            };
            if !same {
                let diagnostics = diagnostics.clone();
                messages.push(Message { uri: uri.clone(), diagnostics, version });
            }
            now.insert(uri, (version, diagnostics));
        }
        let gone = std::mem::replace(&mut self.files, now);
        let gone = gone.into_iter().filter(|(_, (_, diagnostics))| !diagnostics.is_empty());
        messages.extend(gone.map(|(uri, _)| Message {
            uri,
            diagnostics: Vec::new(),
            version: None,
        }));
        messages
    }
}
