//! Keeps the state that a step failed in, so that a person can look at it. It is recorded under keys that no lookup asks
//! for, so that nothing ever starts from it.

use super::perform::Performed;
use super::recording::now;
use super::trouble::Trouble;
use super::worker::{Keys, Worker, milliseconds};
use crate::cache::{Chain, key};
use crate::engine::stretch::StretchStep;
use crate::event::{SnapshotInfo, StepInfo};
use crate::store::committer::{Commit, Committed};
use crate::store::file_system::is_nearly_full;
use crate::store::index::Entry;
use crate::store::record::{Record, Snapshot, StateId};
use std::time::Instant;

impl Worker<'_> {
    /// Ends a step that failed. Its state is kept where files alone make it up; if that can't be done, nothing is lost.
    pub(super) fn fail(
        &mut self,
        chain: &Chain,
        keys: &Keys,
        planned: &StretchStep,
        info: &StepInfo,
        performed: Performed,
        started: Instant,
    ) -> Trouble {
        let text = super::worker::failure_text(info, &performed.result);
        let took = started.elapsed();
        let result = performed.result.clone();
        let state = self.keep_failed(chain, keys, planned, performed, milliseconds(took));
        let state = state.unwrap_or_default();
        self.finished(info, result, took, SnapshotInfo::Failed, state);
        Trouble::Failed(text)
    }

    fn keep_failed(
        &mut self,
        chain: &Chain,
        keys: &Keys,
        planned: &StretchStep,
        performed: Performed,
        milliseconds: u64,
    ) -> Result<Option<StateId>, Trouble> {
        // Most of all when it failed for want of space.
        if is_nearly_full(self.context.store.directory()) {
            return Ok(None);
        }
        let drawn = self.context.draw();
        let live = self.live()?;
        let snapshot = live.freeze(planned.step.snapshot)?;
        if !matches!(snapshot, Snapshot::Taken(_)) {
            return Ok(None);
        }
        let reads = live.delta(performed.own_reads).reads;
        let layers = live.take_unsynced();
        let weak = key::failed_step(keys.weak, &drawn);
        let strong = key::result(weak, &reads, &drawn);
        let record = Record {
            weak,
            strong,
            recorded_at: now(),
            run: self.context.store.run().id(),
            state: performed.state,
            snapshot,
            milliseconds,
            started_from: None,
        };
        let entry = Entry {
            record,
            reads,
            output: performed.output,
            text: key::failed_text(keys.text, &drawn),
            keyed: chain.keyed.clone(),
            branch: None,
        };
        let what = Committed::Step(Box::new(entry));
        self.context.committer.commit(Commit { what, layers, turn: None });
        Ok(Some(strong.id()))
    }
}
