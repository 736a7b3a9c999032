//! Walks the steps of one stretch: skips what a record answers for, and brings a machine to life only when a step
//! really has to run.

use super::CacheUse;
use super::context::Context;
use super::live::Live;
use super::perform::{Performed, Whose, perform};
use super::trouble::Trouble;
use crate::backend::{Layer, MachineStart};
use crate::cache::advance::{self, Advanced, KeyedValues};
use crate::cache::annotate::info;
use crate::cache::chain::Certainty;
use crate::cache::lookup::differences;
use crate::cache::{Answers, Chain, Link, Lookup, key, look_up};
use crate::engine::Outcome;
use crate::engine::RunnerId;
use crate::engine::stretch::{Start, Stretch, StretchStep};
use crate::event::{Event, FirstMiss, Reason, SnapshotInfo, StartsFrom, StepInfo, StepResult};
use crate::read_set::ReadSet;
use crate::store::committer::Commit;
use crate::store::index::Entry;
use crate::store::record::{MachineState, NotTaken, Record, Snapshot, StrongKey, TextKey, WeakKey};
use layerc_planner::plan::{Action, CommandMode, SkipCondition, Step};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A state others may start from: its chain, and a machine that is in it if one had to be kept.
#[derive(Clone)]
pub(super) struct Position {
    chain: Chain,
    machine: Arc<Mutex<Option<Live>>>,
}

/// How a walk ended.
enum Walked {
    ToTheEnd,
    Skipped,
}

/// The keys of a step about to be taken.
struct Keys {
    weak: WeakKey,
    text: TextKey,
}

/// The state that a repeatable step starts from.
struct OwnLast {
    record: Record,
    layers: Vec<Layer>,
}

/// See the module.
pub(super) struct Worker<'run> {
    context: &'run Context<'run>,
    stretch: &'run Stretch,
    runner: String,
    live: Option<Live>,
    /// The machine of the stretch before this one, for whoever needs it first.
    inherited: Arc<Mutex<Option<Live>>>,
}

impl<'run> Worker<'run> {
    pub(super) fn new(context: &'run Context<'run>, stretch: &'run Stretch) -> Self {
        let runner = RunnerId { layerfile: stretch.layerfile, copy: stretch.copies.first };
        Self {
            context,
            stretch,
            runner: context.runner_name(runner),
            live: None,
            inherited: Arc::default(),
        }
    }

    /// Works from `position` (or the base image) to the end of the stretch.
    pub(super) fn work(mut self, position: Option<Position>) -> (Outcome, Option<Position>) {
        let started = Instant::now();
        let ended = self.begin(position).and_then(|mut chain| {
            let walked = self.walk(&mut chain)?;
            Ok((walked, chain))
        });
        self.context.tallies.worked(&self.runner, started.elapsed());
        match ended {
            Ok((Walked::ToTheEnd, chain)) => (Outcome::Success, Some(self.leave(chain))),
            Ok((Walked::Skipped, chain)) => (Outcome::Skipped, Some(self.leave(chain))),
            Err(_) if self.is_stopped() => (Outcome::Cancelled, None),
            Err(trouble) => {
                if let Trouble::Failed(text) | Trouble::Broken(text) = &trouble {
                    let runner = self.runner.clone();
                    self.context.emit(Event::RunnerFailed { runner, text: text.clone() });
                }
                (trouble.outcome(), None)
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.context.stops.is_stopped(self.stretch.id)
    }

    fn begin(&mut self, position: Option<Position>) -> Result<Chain, Trouble> {
        let mut chain = match (position, &self.stretch.start) {
            (Some(position), _) => {
                self.inherited = position.machine;
                position.chain
            }
            (None, Start::Base(image)) => {
                let Context { bases, options, backend, events, .. } = self.context;
                let base = bases
                    .get(image, &options.images, *backend, *events)
                    .map_err(Trouble::Broken)?;
                Chain::new(image, base)
            }
            (None, Start::After(_)) => {
                return Err(Trouble::Broken("the state it starts from is gone".to_owned()));
            }
        };
        if let Some(fork) = self.stretch.fork {
            advance::enter_copy(&mut chain, fork, self.context.store.run().id());
        }
        Ok(chain)
    }

    /// What is left for those who start from here. A machine is kept only if its state can't be restored, or if the
    /// same runner goes on with it. A machine that nobody took from the stretch before is still of use to them.
    fn leave(&mut self, chain: Chain) -> Position {
        let Some(live) = self.live.take() else {
            return Position { chain, machine: Arc::clone(&self.inherited) };
        };
        let mut successors = self.context.graph.successors(self.stretch.id);
        let is_restorable = chain.restorable().0 == live.at;
        let is_needed = if is_restorable {
            successors.any(|next| self.is_same_runner(next))
        } else {
            successors.next().is_some()
        };
        Position { chain, machine: Arc::new(Mutex::new(is_needed.then_some(live))) }
    }

    fn is_same_runner(&self, next: &Stretch) -> bool {
        next.layerfile == self.stretch.layerfile && next.copies.first == self.stretch.copies.first
    }

    fn lock_inherited(&self) -> std::sync::MutexGuard<'_, Option<Live>> {
        self.inherited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn walk(&mut self, chain: &mut Chain) -> Result<Walked, Trouble> {
        let stretch = self.stretch;
        for planned in &stretch.steps {
            if self.is_stopped() {
                return Err(Trouble::Stopped);
            }
            match &planned.step.action {
                Action::SkipIf { conditions } => {
                    if self.skips(conditions)? {
                        return Ok(Walked::Skipped);
                    }
                }
                Action::Run { .. } | Action::Copy { .. } | Action::Env { .. } => {
                    self.take(chain, planned)?;
                }
                action => self.set(chain, action)?,
            }
        }
        Ok(Walked::ToTheEnd)
    }

    fn skips(&self, conditions: &[SkipCondition]) -> Result<bool, Trouble> {
        super::skip::holds(conditions, |name| self.context.built_ins.value(name, &self.runner))
            .map_err(Trouble::Failed)
    }

    /// An instruction that only sets something.
    fn set(&self, chain: &mut Chain, action: &Action) -> Result<(), Trouble> {
        let Context { secrets, built_ins, store, .. } = self.context;
        let values = KeyedValues {
            secrets,
            secret_key: store.secret_key(),
            built_ins,
            runner: &self.runner,
        };
        match advance::set(chain, action, values) {
            Advanced::Yes => Ok(()),
            // Everything else was refused before the run began.
            Advanced::No => Err(Trouble::Broken("this instruction can't run here".to_owned())),
        }
    }

    /// A step that touches the machine.
    fn take(&mut self, chain: &mut Chain, planned: &StretchStep) -> Result<(), Trouble> {
        let instruction = key::instruction(&planned.step.action);
        let keys = Keys {
            weak: key::step(chain.strong, &instruction),
            text: key::text(chain.text, &instruction),
        };
        let info = info(self.context.plan, planned);
        match self.look_up(chain, &keys, planned.number)? {
            Lookup::Hit(record) => {
                self.accept(chain, &keys, planned, info, *record);
                Ok(())
            }
            Lookup::Miss(reason) => self.run_step(chain, &keys, planned, info, reason),
        }
    }

    fn look_up(&self, chain: &Chain, keys: &Keys, number: u32) -> Result<Lookup, Trouble> {
        if self.context.options.cache == CacheUse::RunEverything {
            return Ok(Lookup::Miss(Reason::Forced));
        }
        if let Some(first) = &chain.first_run {
            let StepInfo { number, layerfile, .. } = first.clone();
            return Ok(Lookup::Miss(Reason::Follows { number, layerfile }));
        }
        let question = Answers {
            weak: keys.weak,
            text: keys.text,
            keyed: &chain.keyed,
            number,
            except: chain.except,
        };
        Ok(look_up(&self.context.store.index().view()?, self.context.repository, &question)?)
    }

    fn accept(
        &self,
        chain: &mut Chain,
        keys: &Keys,
        planned: &StretchStep,
        info: StepInfo,
        record: Record,
    ) {
        self.context.tallies.cached(&self.runner);
        self.context.emit(Event::StepCached {
            runner: self.runner.clone(),
            step: info.clone(),
            saved_ms: record.milliseconds,
        });
        chain.accept(planned, info, keys.text, record);
    }

    fn run_step(
        &mut self,
        chain: &mut Chain,
        keys: &Keys,
        planned: &StretchStep,
        info: StepInfo,
        reason: Reason,
    ) -> Result<(), Trouble> {
        let own_last = self.own_last(chain, keys, &planned.step)?;
        match &own_last {
            Some(own_last) => self.start_over(chain, own_last)?,
            None => self.materialise(chain)?,
        }
        let starts_from =
            own_last.as_ref().map_or(StartsFrom::PreviousStep, |_| StartsFrom::OwnLastRun);
        self.announce(&info, reason, starts_from);
        let started = Instant::now();
        let performed = self.perform(&planned.step.action, &chain.state, &info);
        let performed = self.checked(performed, &info, started)?;
        let frozen = self.live()?.freeze(planned.step.snapshot);
        let snapshot = match frozen {
            Ok(snapshot) => snapshot,
            Err(trouble) => return Err(self.finish_badly(trouble, &info, started)),
        };
        self.finished(&info, StepResult::Success, started, snapshot_info(&snapshot));
        self.record(chain, keys, planned, info, performed, snapshot, own_last, started.elapsed())
    }

    fn live(&mut self) -> Result<&mut Live, Trouble> {
        self.live.as_mut().ok_or_else(|| Trouble::Broken("there is no machine".to_owned()))
    }

    fn perform(
        &mut self,
        action: &Action,
        state: &MachineState,
        info: &StepInfo,
    ) -> Result<Performed, Trouble> {
        let (context, runner) = (self.context, self.runner.clone());
        perform(Whose { context, runner: &runner, info }, self.live()?, action, state)
    }

    fn announce(&self, step: &StepInfo, reason: Reason, starts_from: StartsFrom) {
        let miss = FirstMiss { step: step.clone(), reason: reason.clone() };
        self.context.tallies.runs(&self.runner, miss);
        self.context.emit(Event::StepStarted {
            runner: self.runner.clone(),
            step: step.clone(),
            reason,
            starts_from,
        });
    }

    fn finished(
        &self,
        step: &StepInfo,
        result: StepResult,
        started: Instant,
        snapshot: SnapshotInfo,
    ) {
        self.context.emit(Event::StepFinished {
            runner: self.runner.clone(),
            step: step.clone(),
            result,
            duration_ms: milliseconds(started.elapsed()),
            snapshot,
        });
    }

    /// Ends the step where it didn't end well.
    fn checked(
        &self,
        performed: Result<Performed, Trouble>,
        info: &StepInfo,
        started: Instant,
    ) -> Result<Performed, Trouble> {
        match performed {
            Ok(performed) if performed.result == StepResult::Success => Ok(performed),
            Ok(performed) => {
                let text = failure_text(info, &performed.result);
                let result =
                    if self.is_stopped() { StepResult::Cancelled } else { performed.result };
                self.finished(info, result, started, SnapshotInfo::Failed);
                Err(Trouble::Failed(text))
            }
            Err(trouble) => Err(self.finish_badly(trouble, info, started)),
        }
    }

    fn finish_badly(&self, trouble: Trouble, info: &StepInfo, started: Instant) -> Trouble {
        let place = format!("{}:{}: `{}`: ", info.layerfile, info.line, info.text);
        let (result, trouble) = match trouble {
            _ if self.is_stopped() => (StepResult::Cancelled, Trouble::Stopped),
            Trouble::Failed(text) => {
                (StepResult::Error { text: text.clone() }, Trouble::Failed(place + &text))
            }
            Trouble::Broken(text) => {
                (StepResult::Error { text: text.clone() }, Trouble::Broken(place + &text))
            }
            Trouble::Stopped => (StepResult::Cancelled, Trouble::Stopped),
        };
        self.finished(info, result, started, SnapshotInfo::Failed);
        trouble
    }

    /// The state behind the last success of a repeatable step, if there is one that fits.
    fn own_last(
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
            Snapshot::Taken(layers) => Some(OwnLast { record, layers }),
            Snapshot::NotTaken(_) => None,
        })
    }

    /// Puts the machine into the state of an earlier run of the same step.
    fn start_over(&mut self, chain: &Chain, own_last: &OwnLast) -> Result<(), Trouble> {
        self.live = None;
        self.boot(chain, &own_last.layers, chain.links.len())
    }

    /// Makes the machine be in the state behind the chain: goes on with one that is on the way, or restores the
    /// deepest state that was kept, and repeats what was not.
    fn materialise(&mut self, chain: &Chain) -> Result<(), Trouble> {
        let (restorable, layers) = chain.restorable();
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
        self.context.bases.note(&chain.base, self.context.events);
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
        let cause = match &link.snapshot {
            Snapshot::NotTaken(NotTaken::ProcessesAlive(names)) => {
                format!("processes live on ({})", names.join(", "))
            }
            Snapshot::NotTaken(NotTaken::Forbidden) => "CHECKPOINT disabled".to_owned(),
            Snapshot::Taken(_) => "a step before it had to run again".to_owned(),
        };
        self.announce(&link.info, Reason::StateNeeded { cause }, StartsFrom::PreviousStep);
        let started = Instant::now();
        let performed = self.perform(&link.step.action, &link.before, &link.info);
        self.checked(performed, &link.info, started)?;
        let view = self.context.store.index().view()?;
        let live = self.live()?;
        live.pass(std::slice::from_ref(link), &view)?;
        live.carry_reads();
        self.finished(&link.info, StepResult::Success, started, snapshot_info(&link.snapshot));
        Ok(())
    }

    /// Puts what a step did behind the chain and, if it is certain, into the store.
    #[expect(clippy::too_many_arguments, reason = "everything known about a step that just ended")]
    fn record(
        &mut self,
        chain: &mut Chain,
        keys: &Keys,
        planned: &StretchStep,
        info: StepInfo,
        performed: Performed,
        snapshot: Snapshot,
        own_last: Option<OwnLast>,
        took: Duration,
    ) -> Result<(), Trouble> {
        let reads = self.settle_reads(chain, performed.own_reads, own_last.as_ref(), &info)?;
        let started_from = own_last.map(|own_last| own_last.record.strong);
        let lineage = match (chain.is_unsure, started_from) {
            (Certainty::Unsure, _) => self.context.draw(),
            (Certainty::Sure, Some(StrongKey(strong))) => strong.to_vec(),
            (Certainty::Sure, None) => Vec::new(),
        };
        let strong = key::result(keys.weak, &reads, &lineage);
        let link = Link::of_run(
            strong,
            Arc::clone(&planned.step),
            info.clone(),
            Arc::clone(&chain.state),
            snapshot.clone(),
            reads.clone(),
        );
        let link = Arc::new(link);
        let record = Record {
            weak: keys.weak,
            strong,
            recorded_at: now(),
            run: self.context.store.run().id(),
            state: performed.state.clone(),
            snapshot,
            milliseconds: milliseconds(took),
            started_from,
        };
        let view = self.context.store.index().view()?;
        let live = self.live()?;
        live.pass(std::slice::from_ref(&link), &view)?;
        let layers = live.take_unsynced();
        drop(view);
        chain.links.push(link);
        chain.strong = strong;
        chain.text = keys.text;
        chain.state = Arc::new(performed.state);
        chain.first_run.get_or_insert(info);
        if chain.is_unsure == Certainty::Sure {
            let branch = self.context.built_ins.branch().map(key::branch);
            let entry = Entry {
                record,
                reads,
                output: performed.output,
                text: keys.text,
                keyed: chain.keyed.clone(),
                branch,
            };
            self.context.committer.commit(Commit { entry: Box::new(entry), layers });
        }
        Ok(())
    }

    /// What the step asked beyond its chain, checked against the repository as it is now.
    fn settle_reads(
        &mut self,
        chain: &mut Chain,
        own_reads: ReadSet,
        own_last: Option<&OwnLast>,
        info: &StepInfo,
    ) -> Result<ReadSet, Trouble> {
        let repository = self.context.repository;
        let earlier = match own_last {
            Some(own_last) => self.context.store.index().view()?.reads(own_last.record.strong)?,
            None => None,
        };
        let live = self.live()?;
        let mut delta = live.delta(own_reads);
        let changed =
            differences(repository, &delta.reads).first().map(|(asked, _)| asked.0.clone());
        if let Some(path) = delta.contradicted.pop().or(changed) {
            chain.is_unsure = Certainty::Unsure;
            self.context.warn(
                &self.runner,
                format!(
                    "`{path}` changed while step {} of {} ran: neither it nor what follows is recorded",
                    info.number, info.layerfile
                ),
            );
            return Ok(delta.reads);
        }
        if let Some(earlier) = earlier {
            let today = |(path, question): &(_, _)| repository.fingerprint(path, *question).ok();
            self.live()?.inherit(&mut delta.reads, &earlier, today);
        }
        Ok(delta.reads)
    }
}

fn failure_text(info: &StepInfo, result: &StepResult) -> String {
    let how = match result {
        StepResult::ExitCode { code } => format!("failed with exit code {code}"),
        StepResult::Signal { signal } => format!("was ended by signal {signal}"),
        StepResult::Success | StepResult::Cancelled | StepResult::Error { .. } => {
            "did not end well".to_owned()
        }
    };
    format!("{}:{}: `{}` {how}", info.layerfile, info.line, info.text)
}

fn snapshot_info(snapshot: &Snapshot) -> SnapshotInfo {
    match snapshot {
        Snapshot::Taken(_) => SnapshotInfo::Taken,
        Snapshot::NotTaken(NotTaken::ProcessesAlive(names)) => {
            SnapshotInfo::ProcessesAlive { names: names.clone() }
        }
        Snapshot::NotTaken(NotTaken::Forbidden) => SnapshotInfo::Forbidden,
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
