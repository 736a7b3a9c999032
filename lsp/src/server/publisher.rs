//! Tells the client what changed without being asked: diagnostics that differ from those it was shown last, and that
//! hints and lenses have to be asked for again.
//!
//! Works on the latest moment only; while it works, newer ones replace each other. Knows nothing of edits.

use crate::features::diagnostics;
use crate::workspace::Snapshot;
use crate::workspace::graph::Graph;
use crate::workspace::settings::Settings;
use ls_types::{Diagnostic, Uri};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::runtime::Handle;
use tower_lsp::Client;

/// How diagnostics reach the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The client has not finished its greeting, or is leaving.
    Silent,
    /// The client is sent diagnostics.
    Push,
    /// The client asks for them itself; it is told when to ask again.
    Refresh,
}

/// What the client can be told to ask for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Refreshes {
    /// Inlay hints.
    pub(super) hints: bool,
    /// Code lenses.
    pub(super) lenses: bool,
}

#[derive(Debug)]
struct Slot {
    mode: Mode,
    refreshes: Refreshes,
    latest: Option<Arc<Snapshot>>,
    /// What runs tell has changed since the client was told.
    outlook: Outlook,
}

/// Whether what runs tell is what the client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outlook {
    Told,
    Changed,
}

/// What there is to tell.
struct News {
    mode: Mode,
    refreshes: Refreshes,
    snapshot: Option<Arc<Snapshot>>,
    outlook: Outlook,
}

/// The way to the thread that tells.
#[derive(Debug, Clone)]
pub(super) struct Publisher {
    shared: Arc<(Mutex<Slot>, Condvar)>,
}

impl Publisher {
    /// Starts the thread.
    pub(super) fn start(client: Client, handle: Handle) -> Self {
        let slot = Slot {
            mode: Mode::Silent,
            refreshes: Refreshes::default(),
            latest: None,
            outlook: Outlook::Told,
        };
        let publisher = Self { shared: Arc::new((Mutex::new(slot), Condvar::new())) };
        let own = publisher.clone();
        let teller = Teller {
            client,
            handle,
            shown: Shown::default(),
            graphs: Vec::new(),
            settings: Settings::default(),
        };
        let work = move || own.work(teller);
        // Without a thread nothing is told unasked; requests are answered all the same.
        let _thread = std::thread::Builder::new().name("publisher".to_owned()).spawn(work);
        publisher
    }

    fn set(&self, change: impl FnOnce(&mut Slot)) {
        let (slot, changed) = &*self.shared;
        change(&mut slot.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_one();
    }

    /// Begins to tell the client things.
    pub(super) fn speak(&self, mode: Mode, refreshes: Refreshes) {
        self.set(|slot| (slot.mode, slot.refreshes) = (mode, refreshes));
    }

    /// Says nothing any more.
    pub(super) fn hush(&self) {
        self.set(|slot| slot.mode = Mode::Silent);
    }

    /// There is a new moment.
    pub(super) fn show(&self, snapshot: Arc<Snapshot>) {
        self.set(|slot| slot.latest = Some(snapshot));
    }

    /// What runs tell about steps has changed.
    pub(super) fn outlook_changed(&self) {
        self.set(|slot| slot.outlook = Outlook::Changed);
    }

    fn next(&self) -> News {
        let (slot, changed) = &*self.shared;
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let is_new = slot.latest.is_some() || slot.outlook == Outlook::Changed;
            if slot.mode != Mode::Silent && is_new {
                let outlook = std::mem::replace(&mut slot.outlook, Outlook::Told);
                let snapshot = slot.latest.take();
                return News { mode: slot.mode, refreshes: slot.refreshes, snapshot, outlook };
            }
            slot = changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, mut teller: Teller) {
        loop {
            let news = self.next();
            // What fails for this moment is tried anew with the next one.
            let _failed = catch_unwind(AssertUnwindSafe(|| teller.tell(&news)));
        }
    }
}

/// Tells one client.
struct Teller {
    client: Client,
    handle: Handle,
    shown: Shown,
    graphs: Vec<Graph>,
    settings: Settings,
}

impl Teller {
    fn tell(&mut self, news: &News) {
        let surroundings_changed = news.snapshot.as_deref().is_some_and(|snapshot| {
            self.tell_findings(news.mode, snapshot);
            // Both are looked at, so that both are known from now on.
            self.is_other_graph(snapshot) | self.are_other_settings(snapshot)
        });
        // All of it decides what hints and lenses say of a file that nobody edits.
        if surroundings_changed || news.outlook == Outlook::Changed {
            self.refresh(news.refreshes);
        }
    }

    fn tell_findings(&mut self, mode: Mode, snapshot: &Snapshot) {
        let differences = self.shown.differences(snapshot);
        match mode {
            Mode::Silent => {}
            Mode::Push => self.handle.block_on(send(&self.client, differences)),
            Mode::Refresh => {
                if !differences.is_empty() {
                    let client = self.client.clone();
                    self.handle.spawn(async move { client.workspace_diagnostic_refresh().await });
                }
            }
        }
    }

    /// A client asks again by itself for the document that is edited; others change when the graph does.
    fn is_other_graph(&mut self, snapshot: &Snapshot) -> bool {
        let graphs: Vec<Graph> =
            snapshot.repositories().map(|repository| repository.graph().clone()).collect();
        let is_other = graphs != self.graphs;
        self.graphs = graphs;
        is_other
    }

    /// Whether the user chose other things to be shown, the copy of a SPLIT among them.
    fn are_other_settings(&mut self, snapshot: &Snapshot) -> bool {
        let are_other = self.settings != *snapshot.settings();
        if are_other {
            self.settings = snapshot.settings().clone();
        }
        are_other
    }

    fn refresh(&self, wanted: Refreshes) {
        let client = self.client.clone();
        self.handle.spawn(async move {
            if wanted.hints {
                let _refused = client.inlay_hint_refresh().await;
            }
            if wanted.lenses {
                let _refused = client.code_lens_refresh().await;
            }
        });
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
