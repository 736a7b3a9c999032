//! Writes records behind the run's back: first makes their layers durable, then the records, many at a time.
//!
//! The order is what makes a crash harmless: a record never names a layer that might not be whole.

use super::index::Entry;
use super::record::{Snapshot, StrongKey, WeakKey};
use super::turns::Turn;
use super::{Store, StoreError, at};
use crate::backend::LayerId;
use crate::caches::Publication;
use crate::durable::make_durable;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

/// Something to write and the layers it is the first to need.
#[derive(Debug)]
pub struct Commit {
    /// What.
    pub what: Committed,
    /// Layers not yet known to be durable.
    pub layers: Vec<LayerId>,
    /// Let go of when it is written, for those who wait for the record.
    pub turn: Option<Turn>,
}

/// What is written.
#[derive(Debug)]
pub enum Committed {
    /// A step's results.
    Step(Box<Entry>),
    /// A cache's new version. Before the record of the step that wrote it: a step that is skipped from then on may
    /// have left something there for those behind it.
    Cache(Publication),
    /// A record answered for a step.
    Used {
        /// Which.
        strong: StrongKey,
        /// When, in nanoseconds since 1970.
        at: u64,
    },
    /// The state behind a recorded step was kept after all.
    Snapshot {
        /// The record's question.
        weak: WeakKey,
        /// The record's answer.
        strong: StrongKey,
        /// The state.
        snapshot: Snapshot,
    },
}

/// The writing thread, which is there from the first record on. Dropping it waits for what was handed in.
#[derive(Debug)]
pub struct Committer {
    store: Arc<Store>,
    /// Where the backend keeps frozen layers.
    layers: PathBuf,
    writing: OnceLock<Writing>,
}

#[derive(Debug)]
struct Writing {
    sender: Sender<Commit>,
    thread: JoinHandle<Vec<StoreError>>,
}

impl Committer {
    /// Writes to this store. `layers` is where the backend keeps frozen layers.
    pub const fn new(store: Arc<Store>, layers: PathBuf) -> Self {
        Self { store, layers, writing: OnceLock::new() }
    }

    /// Hands in a record.
    pub fn commit(&self, commit: Commit) {
        let writing = self.writing.get_or_init(|| self.start());
        // The thread ends only after the sender is gone, so there is someone to receive.
        let _ = writing.sender.send(commit);
    }

    /// Waits until everything is written; returns what could not be.
    pub fn finish(mut self) -> Vec<StoreError> {
        self.end()
    }

    fn start(&self) -> Writing {
        let (sender, receiver) = unbounded();
        let (store, layers) = (Arc::clone(&self.store), self.layers.clone());
        let thread = std::thread::spawn(move || serve(&store, &layers, &receiver));
        Writing { sender, thread }
    }

    fn end(&mut self) -> Vec<StoreError> {
        let Some(Writing { sender, thread }) = self.writing.take() else { return Vec::new() };
        drop(sender);
        thread.join().unwrap_or_default()
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(store: &Store, layers: &Path, receiver: &Receiver<Commit>) -> Vec<StoreError> {
    let mut failures = Vec::new();
    while let Ok(first) = receiver.recv() {
        let batch: Vec<Commit> = std::iter::once(first).chain(receiver.try_iter()).collect();
        if let Err(error) = write(store, layers, &batch) {
            failures.push(error);
        }
    }
    failures
}

fn write(store: &Store, layers: &Path, batch: &[Commit]) -> Result<(), StoreError> {
    for layer in batch.iter().flat_map(|commit| &commit.layers) {
        let directory = layers.join(&layer.0);
        make_durable(&directory).map_err(at("sync", &directory))?;
    }
    for commit in batch {
        if let Committed::Cache(publication) = &commit.what {
            publication
                .publish()
                .map_err(at("keep a version in", &store.directory().join("caches")))?;
        }
    }
    store.index().write(|writer| {
        batch.iter().try_for_each(|commit| match &commit.what {
            Committed::Cache(_) => Ok(()),
            Committed::Used { strong, at } => writer.put_used(*strong, *at),
            Committed::Step(entry) => writer.put_entry(entry),
            Committed::Snapshot { weak, strong, snapshot } => {
                writer.put_snapshot(*weak, *strong, snapshot)
            }
        })
    })
}
