//! Writes records behind the run's back: first makes their layers durable, then the records, many at a time.
//!
//! The order is what makes a crash harmless: a record never names a layer that might not be whole.

use super::index::Entry;
use super::record::{Snapshot, StrongKey, WeakKey};
use super::turns::Turn;
use super::{Store, StoreError, at};
use crate::backend::LayerId;
use crate::caches::Publication;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

/// Up to this many files of a layer are synced one by one; beyond it the whole file system is, which is then faster
/// but also waits for what others wrote.
const MOST_SINGLE_SYNCS: usize = 64;

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
        make_durable(&layers.join(&layer.0))?;
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

/// Has everything of a directory on disk when it returns.
pub(crate) fn make_durable(layer: &Path) -> Result<(), StoreError> {
    if !layer.exists() {
        return Ok(());
    }
    let mut files = Vec::new();
    if gather(layer, &mut files) {
        match files.iter().try_for_each(|path| sync(path)) {
            // A machine's users may have files that this user can't open.
            Err(StoreError::File { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
            Ok(()) => return layer.parent().map_or(Ok(()), sync),
        }
    }
    let directory = File::open(layer).map_err(at("open", layer))?;
    rustix::fs::syncfs(&directory).map_err(|error| at("sync", layer)(error.into()))
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(at("sync", path))
}

/// Collects the regular files and directories of a tree; false when there are too many, or one can't be opened.
fn gather(directory: &Path, files: &mut Vec<PathBuf>) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    for entry in entries {
        let Ok(entry) = entry else { return false };
        let Ok(kind) = entry.file_type() else { return false };
        let complete = if kind.is_dir() {
            gather(&entry.path(), files)
        } else {
            if kind.is_file() {
                files.push(entry.path());
            }
            true
        };
        if !complete || files.len() > MOST_SINGLE_SYNCS {
            return false;
        }
    }
    files.push(directory.to_owned());
    true
}
