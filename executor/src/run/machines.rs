//! Brings machines to the state a step needs: goes on with one, restores one, repeats what was not kept.

use super::context::Context;
use super::live::Live;
use super::perform::copy_request;
use super::trouble::Trouble;
use super::worker::{Keys, Worker, snapshot_info};
use crate::backend::{
    Attachment, BackendError, Command, CopiedEntry, CopyRequest, Keeps, Layer, MachineStart,
    Resync, Today,
};
use crate::cache::forecast::not_kept;
use crate::cache::memory::machine_memory;
use crate::cache::{Chain, Link, key};
use crate::event::{Event, Reason, StartsFrom, StepResult};
use crate::read_set::{ReadSet, TrackedPath};
use crate::store::record::{NotTaken, Record, Snapshot, WeakKey};
use crate::store::turns::Asked;
use layerc_planner::plan::{Action, CommandMode, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// Each repetition lies over the one before; the kernel takes 500 layers. One that has this many starts anew.
const MOST_OWN_LAYERS: usize = 200;

/// Whether a repeatable step starts from its own last state after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Started {
    /// Yes, and the machine is in it.
    Over,
    /// No, and there is no machine.
    NotOver,
}

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
        if !is_repeatable || self.runs_everything() {
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
            Snapshot::Taken(layers)
                if layers.len() <= MOST_OWN_LAYERS && self.are_there(&layers) =>
            {
                Some(OwnLast { record, layers })
            }
            Snapshot::Taken(_) | Snapshot::NotTaken(_) => None,
        })
    }

    fn are_there(&self, layers: &[Layer]) -> bool {
        layers.iter().all(|layer| match layer {
            Layer::Frozen(id) => self.context.backend.has_layer(id),
            Layer::Copied(_) => true,
        })
    }

    /// Puts the machine into the state of an earlier run of the same step, with today's repository files in it.
    pub(super) fn start_over(
        &mut self,
        chain: &Chain,
        own_last: &OwnLast,
    ) -> Result<Started, Trouble> {
        self.live = None;
        // What changed while that step ran counts as changed since.
        let took = own_last.record.milliseconds.saturating_mul(1_000_000);
        let since = own_last.record.recorded_at.saturating_sub(took);
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        match self.context.backend.keeps() {
            Keeps::Files => self.start_files_over(chain, own_last, since),
            Keeps::Machines => self.start_machine_over(chain, own_last, since),
        }
    }

    fn start_files_over(
        &mut self,
        chain: &Chain,
        OwnLast { record, layers }: &OwnLast,
        since: i64,
    ) -> Result<Started, Trouble> {
        let had = self.had(chain, record)?;
        let Resync { mut changed, gone } = self.context.backend.resync(layers, since, &had);
        changed.entries.extend(new_entries(chain, layers));
        let mut layers = layers.clone();
        if !changed.entries.is_empty() {
            layers.push(Layer::Copied(changed));
        }
        self.boot(chain, &layers, chain.links.len())?;
        self.remove_files(&gone)?;
        Ok(Started::Over)
    }

    fn start_machine_over(
        &mut self,
        chain: &Chain,
        OwnLast { record, layers }: &OwnLast,
        since_nanoseconds: i64,
    ) -> Result<Started, Trouble> {
        let had = self.had(chain, record)?;
        let today = Today { copies: self.copies(chain)?, since_nanoseconds, had };
        match self.boot(chain, layers, chain.links.len()) {
            // Broken, or removed meanwhile to make room.
            Err(trouble) if !self.are_there(layers) => {
                self.tell_of_loss(&trouble);
                return Ok(Started::NotOver);
            }
            booted => booted?,
        }
        let live = self.live()?;
        live.wrote();
        match live.machine.start_over(&today) {
            Err(BackendError::Refused(why)) => {
                self.live = None;
                let runner = &self.runner;
                let text =
                    format!("{runner}: RUN REPEATABLE can't start from its own last state: {why}");
                self.context.emit(Event::Note { text });
                Ok(Started::NotOver)
            }
            started => Ok(started.map(|()| Started::Over)?),
        }
    }

    /// What the COPYs of a chain show today.
    fn copies(&self, chain: &Chain) -> Result<Vec<CopyRequest>, Trouble> {
        let mut copies = Vec::new();
        for link in &chain.links {
            let asked = copy_request(self.context, &link.step.action, &link.before)?;
            copies.extend(asked.map(|(request, _noted_by_its_own_step)| request));
        }
        Ok(copies)
    }

    /// What an earlier run of the step, and those behind it, were told of the repository.
    fn told(&self, chain: &Chain, record: &Record) -> Result<Vec<Arc<ReadSet>>, Trouble> {
        let view = self.context.store.index().view()?;
        let mut told = vec![Arc::new(view.reads(record.strong)?.unwrap_or_default())];
        for link in &chain.links {
            told.push(link.reads(&view)?);
        }
        Ok(told)
    }

    /// What of the repository had been there when they asked.
    fn had(&self, chain: &Chain, record: &Record) -> Result<Vec<TrackedPath>, Trouble> {
        let told = self.told(chain, record)?;
        let answers = told.iter().flat_map(|reads| &reads.answers);
        let was_there = answers.filter(|((_, question), answer)| {
            answer.fingerprint != self.context.repository.absent(*question)
        });
        let paths: BTreeSet<&TrackedPath> = was_there.map(|((path, _), _)| path).collect();
        Ok(paths.into_iter().cloned().collect())
    }

    /// Removes files that the repository has no more.
    fn remove_files(&mut self, files: &[CopiedEntry]) -> Result<(), Trouble> {
        if files.is_empty() {
            return Ok(());
        }
        let quoted =
            files.iter().map(|file| format!("'{}'", file.machine_path.replace('\'', "'\\''")));
        let command = Command {
            script: format!("rm -f -- {}", quoted.collect::<Vec<_>>().join(" ")),
            user: "root".to_owned(),
            workdir: "/".to_owned(),
            environment: BTreeMap::new(),
            setup_files: Vec::new(),
            mode: Attachment::Foreground,
            caches: Vec::new(),
        };
        let live = self.live()?;
        live.wrote();
        live.machine.execute(&command, &mut |_, _| {})?;
        Ok(())
    }

    /// Makes the machine be in the state behind the chain. States on the way from which others start too are made
    /// again by one of them, and restored by the rest.
    pub(super) fn materialise(&mut self, chain: &mut Chain) -> Result<(), Trouble> {
        while let Some((behind, weak)) = self.to_be_remade(chain) {
            match self.context.remade.turns.ask(weak, || !self.is_stopped()) {
                Asked::Mine(_turn) => {
                    // Somebody may have done so between the look and the turn.
                    if self.to_be_remade(chain) == Some((behind, weak)) {
                        self.reach(chain, behind)?;
                        self.keep_now(chain, behind)?;
                    }
                }
                Asked::Ended => {}
                Asked::GivenUp => return Err(Trouble::Stopped),
            }
        }
        self.reach(chain, chain.links.len())
    }

    /// The first state on the way that others start from, that can't be restored and might be kept: how many links are
    /// behind it, and what its record answers. States that others made again are taken over.
    fn to_be_remade(&self, chain: &mut Chain) -> Option<(usize, WeakKey)> {
        let tried = self.context.remade.so_far();
        for link in &mut chain.links {
            if let Some(snapshot) = tried.get(&link.strong).filter(|made| **made != link.snapshot) {
                *link = Arc::new(link.kept(snapshot.clone()));
            }
        }
        let kept = self.context.backend;
        let (restorable, _) = chain.restorable(|layer| kept.has_layer(layer));
        let at = self.machine_at(restorable).map_or(restorable, |at| at.max(restorable));
        let mut branches = chain.branches.iter().filter(|behind| **behind > at);
        branches.find_map(|behind| {
            let link = chain.links.get(behind.checked_sub(1)?)?;
            let may_be_kept =
                matches!(link.snapshot, Snapshot::Taken(_) | Snapshot::NotTaken(NotTaken::Cheap));
            (may_be_kept && !tried.contains_key(&link.strong)).then_some((*behind, link.weak))
        })
    }

    /// How far the machine is that this runner would go on with.
    fn machine_at(&self, restorable: usize) -> Option<usize> {
        match &self.live {
            Some(live) => Some(live.at),
            None => {
                let inherited = self.lock_inherited();
                inherited
                    .as_ref()
                    .filter(|live| self.saves_work(live, restorable))
                    .map(|live| live.at)
            }
        }
    }

    /// Makes the machine be in the state behind so many links of the chain: goes on with one that is on the way, or
    /// restores the deepest state that was kept, and repeats what was not.
    fn reach(&mut self, chain: &Chain, end: usize) -> Result<(), Trouble> {
        let kept = self.context.backend;
        let (restorable, layers) = chain.restorable(|layer| kept.has_layer(layer));
        let own = self.live.take().or_else(|| self.take_inherited(restorable));
        match own.filter(|live| live.at >= restorable) {
            Some(live) => self.adopt(live),
            None => {
                let booted = self.boot(chain, layers, restorable);
                // Room may have been made between the look and the machine: then the state is made again.
                match booted {
                    Err(trouble)
                        if chain.restorable(|layer| kept.has_layer(layer)).0 < restorable =>
                    {
                        self.tell_of_loss(&trouble);
                        return self.reach(chain, end);
                    }
                    booted => booted?,
                }
            }
        }
        let behind = self.live()?.at;
        for link in chain.links.get(behind..end).unwrap_or_default() {
            self.repeat(link)?;
        }
        Ok(())
    }

    /// A state that can't be had any more is made again; where it was broken, that is said.
    fn tell_of_loss(&self, trouble: &Trouble) {
        if let (Keeps::Machines, Trouble::Broken(text)) = (self.context.backend.keeps(), trouble) {
            let text = format!("a kept state is made again: {text}");
            self.context.warn(&self.runner, text);
        }
    }

    /// The machine of the stretch before, if it saves something: the same runner goes on, or its state wasn't kept.
    fn take_inherited(&self, restorable: usize) -> Option<Live> {
        let mut inherited = self.lock_inherited();
        let fits = |live: &Live| self.saves_work(live, restorable);
        if inherited.as_ref().is_some_and(fits) { inherited.take() } else { None }
    }

    fn saves_work(&self, inherited: &Live, restorable: usize) -> bool {
        inherited.memory_bytes == self.memory_bytes()
            && (inherited.owner == self.runner || inherited.at > restorable)
    }

    fn memory_bytes(&self) -> Option<u64> {
        let Context { plan, backend, .. } = self.context;
        machine_memory(plan, self.stretch.layerfile, backend.keeps())
    }

    fn adopt(&mut self, live: Live) {
        if live.owner != self.runner && !live.alive().is_empty() {
            let (runner, owner, names) = (&self.runner, &live.owner, live.alive().join(", "));
            let text = format!(
                "{runner} goes on in the machine of {owner}, where processes live on ({names})"
            );
            self.context.emit(Event::Note { text });
        }
        self.context.stops.attach(self.stretch.id, live.machine.stopper());
        self.live = Some(live);
    }

    fn boot(&mut self, chain: &Chain, layers: &[Layer], at: usize) -> Result<(), Trouble> {
        if self.is_stopped() {
            return Err(Trouble::Stopped);
        }
        self.context.bases.say_once(&chain.base.notes, self.context.events);
        let start = MachineStart {
            base: Arc::clone(&chain.base),
            layers: layers.to_vec(),
            name: self.runner.clone(),
            memory_bytes: self.memory_bytes(),
            followers: self.context.graph.successors(self.stretch.id).count(),
        };
        let Context { built_ins, backend, .. } = self.context;
        let machine = built_ins.meanwhile(|| backend.start(&start))?;
        self.context.bases.say_once(machine.notes(), self.context.events);
        let (memory_bytes, keeps) = (self.memory_bytes(), self.context.backend.keeps());
        let mut live =
            Live::new(machine, self.runner.clone(), layers.to_vec(), memory_bytes, keeps);
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

/// What COPY shows today and did not then: a pattern may match a new file.
fn new_entries(chain: &Chain, then: &[Layer]) -> Vec<CopiedEntry> {
    let copied = |layers: &[Layer]| -> Vec<CopiedEntry> {
        let entries = layers.iter().filter_map(|layer| match layer {
            Layer::Copied(files) => Some(files.entries.clone()),
            Layer::Frozen(_) => None,
        });
        entries.flatten().collect()
    };
    let known = copied(then);
    let (_, today) = chain.restorable(|_| true);
    copied(today).into_iter().filter(|entry| !known.contains(entry)).collect()
}
