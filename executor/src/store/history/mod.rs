//! What runs leave behind about themselves: a directory `history/NAME` of the store for each, with what it was run on
//! (`run.json`), its plan (`plan`), everything it told (`events.jsonl`, secrets masked already) and how it ended
//! (`end.json`).
//!
//! ```text
//! layerc run ─► RunRecording ─► history/k3f9x2ab/ ─► PastRun ─► layerc runs, logs, why, shell, press, --resume
//! ```
//!
//! A convenience for people: what is skipped or restored is decided from the index alone. So nothing here is synced to
//! the disk, and a damaged record is one that isn't listed.

mod buttons;
mod checkout;
mod past;
mod prune;
mod recording;
mod room;
#[cfg(test)]
mod tests;

pub use buttons::{AskedButton, PressedButtons};
pub use checkout::Checkout;

pub use past::{PastRun, Status};
pub use recording::RunRecording;

use super::run_name::RunName;
use super::{Store, StoreError, at};
use crate::backend::{ExecutorKind, ImageSource};
use crate::event::RunOutcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

/// File with the [`Header`].
const HEADER: &str = "run.json";
/// File with the plan's bytes.
const PLAN: &str = "plan";
/// File with the events, one JSON object a line.
const EVENTS: &str = "events.jsonl";
/// File with the [`End`].
const END: &str = "end.json";

/// What a run was run on. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub run: RunName,
    /// When it started: milliseconds since 1970.
    pub started_at_ms: u64,
    /// Version of the program.
    pub program: String,
    /// The repository's root.
    pub repository: String,
    /// What was checked out there.
    pub checkout: Checkout,
    /// What base image names stood for.
    pub images: BTreeMap<String, ImageSource>,
    /// Values of built-in variables that the user gave.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Which kind of machines it had.
    #[serde(default)]
    pub executor: ExecutorKind,
    /// `JOB_ID` of its steps.
    #[serde(default)]
    pub job: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// As a whole.
    pub outcome: RunOutcome,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Steps that ran.
    pub steps_run: u32,
    /// Steps that were skipped.
    pub steps_cached: u32,
}

/// The run records of a store.
#[derive(Debug)]
pub struct History<'store> {
    store: &'store Store,
}

impl<'store> History<'store> {
    /// Of this store.
    pub const fn of(store: &'store Store) -> Self {
        Self { store }
    }

    /// The directory of a run's record, there or not: what belongs to a run and shall live as long as its record (a
    /// pressed BUTTON, for one) goes in here.
    pub fn directory(&self, name: &RunName) -> PathBuf {
        self.root().join(name.as_str())
    }

    /// Every run that can be read, newest first.
    ///
    /// # Errors
    /// When the directory is there and can't be listed.
    pub fn runs(&self) -> Result<Vec<PastRun>, StoreError> {
        let mut runs: Vec<PastRun> =
            self.names()?.iter().filter_map(|name| self.get(name)).collect();
        runs.sort_unstable_by(|one, other| {
            let key = |run: &PastRun| (run.header().started_at_ms, run.header().run.clone());
            key(other).cmp(&key(one))
        });
        Ok(runs)
    }

    /// The run of a name, if it can be read.
    pub fn get(&self, name: &RunName) -> Option<PastRun> {
        PastRun::read(self.directory(name))
    }

    fn root(&self) -> PathBuf {
        self.store.directory().join("history")
    }

    fn names(&self) -> Result<Vec<RunName>, StoreError> {
        let root = self.root();
        let entries = match fs::read_dir(&root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(at("list", &root))?,
        };
        let names = entries.flatten().filter_map(|entry| RunName::new(entry.file_name().to_str()?));
        Ok(names.collect())
    }
}
