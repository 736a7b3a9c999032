//! Run records as something that takes room. Those of runs that are alive or wait for a person stay, and the newest few.

use super::prune::NEWEST_KEPT;
use super::{History, PastRun, Status};
use crate::agent::disk_bytes;
use crate::event::RunOutcome;
use crate::store::room::{Attempt, Hoard, Kept, KeptKind};
use crate::store::{StoreError, at};
use std::fs;
use std::time::{Duration, UNIX_EPOCH};

impl Hoard for History<'_> {
    fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let runs = self.runs()?.into_iter().enumerate();
        let kept = runs.map(|(place, run)| Kept {
            kind: KeptKind::History,
            name: run.header().run.as_str().to_owned(),
            bytes: disk_bytes(run.directory()),
            used_at: UNIX_EPOCH + Duration::from_millis(run.header().started_at_ms),
            is_needed: place < NEWEST_KEPT || is_open(&run),
        });
        Ok(kept.collect())
    }

    fn remove(&self, kept: &Kept) -> Result<Attempt, StoreError> {
        let Some(run) = super::RunName::new(&kept.name).and_then(|name| self.get(&name)) else {
            return Ok(Attempt::Removed(0));
        };
        if is_open(&run) {
            return Ok(Attempt::InUse);
        }
        let freed = disk_bytes(run.directory());
        fs::remove_dir_all(run.directory()).map_err(at("remove", run.directory()))?;
        Ok(Attempt::Removed(freed))
    }
}

/// Whether a run goes on or may do so.
fn is_open(run: &PastRun) -> bool {
    match run.status() {
        Status::Running => true,
        Status::Ended(end) => end.outcome == RunOutcome::Waiting,
        Status::Died => false,
    }
}
