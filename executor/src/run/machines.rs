//! Brings machines to the state a step needs: goes on with one, restores one, repeats what was not kept.

use super::CacheUse;
use super::live::Live;
use super::trouble::Trouble;
use super::worker::{Keys, Worker, snapshot_info};
use crate::backend::{Layer, MachineStart};
use crate::cache::forecast::not_kept;
use crate::cache::{Chain, Link, key};
use crate::event::{Reason, StartsFrom, StepResult};
use crate::store::record::{Record, Snapshot};
use layerc_planner::plan::{Action, CommandMode, Step};
use std::sync::Arc;
use std::time::Instant;

/// The state that a repeatable step starts from.
pub(super) struct OwnLast {
    pub(super) record: Record,
    layers: Vec<Layer>,
}

impl Worker<'_> {
    /// The state behind the last success of a repeatable step, if there is one that fits.
    pub(super) fn own_last(
        &self,
        chain: &Chain,
        keys: &Keys,
        step: &Step,
    ) -> Result<Option<OwnLast>, Trouble> {
        let is_repeatable =
            matches!(step.action, Action::Run { mode: CommandMode::Repeatable, .. });
        if !is_repeatable || self.context.options.cache == CacheUse::RunEverything {
            return Ok(None);
        }
        let view = self.context.store.index().view()?;
        let branch = self.context.built_ins.branch().map(key::branch);
        let Some(entry) = view.newest_by_text(keys.text, branch)? else { return Ok(None) };
        // Layers fit only the image they were made on.
        if entry.keyed.first() != chain.keyed.first() {
            return Ok(None);
        }
        let Some(record) = view.record(entry.weak, entry.strong)? else { return Ok(None) };
        Ok(match record.snapshot.clone() {
            Snapshot::Taken(layers) if self.are_there(&layers) => Some(OwnLast { record, layers }),
            Snapshot::Taken(_) | Snapshot::NotTaken(_) => None,
        })
    }

    fn are_there(&self, layers: &[Layer]) -> bool {
        layers.iter().all(|layer| match layer {
            Layer::Frozen(id) => self.context.backend.has_layer(id),
            Layer::Copied(_) => true,
        })
    }

    /// Puts the machine into the state of an earlier run of the same step.
    pub(super) fn start_over(&mut self, chain: &Chain, own_last: &OwnLast) -> Result<(), Trouble> {
        self.live = None;
        self.boot(chain, &own_last.layers, chain.links.len())
    }

    /// Makes the machine be in the state behind the chain: goes on with one that is on the way, or restores the
    /// deepest state that was kept, and repeats what was not.
    pub(super) fn materialise(&mut self, chain: &Chain) -> Result<(), Trouble> {
        let kept = self.context.backend;
        let (restorable, layers) = chain.restorable(|layer| kept.has_layer(layer));
        let own = self.live.take().or_else(|| self.take_inherited(restorable));
        match own.filter(|live| live.at >= restorable) {
            Some(live) => self.adopt(live),
            None => self.boot(chain, layers, restorable)?,
        }
        let behind = self.live()?.at;
        for link in chain.links.get(behind..).unwrap_or_default() {
            self.repeat(link)?;
        }
        Ok(())
    }

    /// The machine of the stretch before, if it saves something: the same runner goes on, or its state wasn't kept.
    fn take_inherited(&self, restorable: usize) -> Option<Live> {
        let mut inherited = self.lock_inherited();
        let fits = |live: &Live| {
            live.memory_bytes == self.memory_bytes()
                && (live.owner == self.runner || live.at > restorable)
        };
        if inherited.as_ref().is_some_and(fits) { inherited.take() } else { None }
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.context.plan.layerfile(self.stretch.layerfile).and_then(|file| file.memory_bytes)
    }

    fn adopt(&mut self, live: Live) {
        self.context.stops.attach(self.stretch.id, live.machine.stopper());
        self.live = Some(live);
    }

    fn boot(&mut self, chain: &Chain, layers: &[Layer], at: usize) -> Result<(), Trouble> {
        if self.is_stopped() {
            return Err(Trouble::Stopped);
        }
        self.context.bases.say_once(&chain.base.notes, self.context.events);
        let machine = self.context.backend.start(&MachineStart {
            base: Arc::clone(&chain.base),
            layers: layers.to_vec(),
            name: self.runner.clone(),
            memory_bytes: self.memory_bytes(),
        })?;
        let mut live =
            Live::new(machine, self.runner.clone(), layers.to_vec(), self.memory_bytes());
        let view = self.context.store.index().view()?;
        live.pass(chain.links.get(..at).unwrap_or_default(), &view)?;
        self.adopt(live);
        Ok(())
    }

    /// Runs a step again whose record is good but whose state wasn't kept.
    fn repeat(&mut self, link: &Arc<Link>) -> Result<(), Trouble> {
        let cause = not_kept(&link.snapshot);
        self.announce(&link.info, Reason::StateNeeded { cause }, StartsFrom::PreviousStep);
        let started = Instant::now();
        let performed = self.perform(&link.step.action, &link.before, &link.info);
        self.checked(performed, &link.info, started)?;
        let view = self.context.store.index().view()?;
        let live = self.live()?;
        live.pass(std::slice::from_ref(link), &view)?;
        live.carry_reads();
        let kept = snapshot_info(&link.snapshot);
        let state = Some(link.strong.id());
        self.finished(&link.info, StepResult::Success, started.elapsed(), kept, state);
        Ok(())
    }
}
