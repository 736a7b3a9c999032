//! Walks the steps of one stretch: skips what a record answers for, and brings a machine to life only when a step
//! really has to run.

use super::CacheUse;
use super::context::Context;
use super::live::Live;
use super::machines::Started;
use super::perform::{Performed, Whose, perform};
use super::trouble::Trouble;
use crate::backend::Keeps;
use crate::cache::advance::{self, Advanced, KeyedValues};
use crate::cache::chain::Certainty;
use crate::cache::forecast::info;
use crate::cache::memory::memory_key;
use crate::cache::{Answers, Chain, Lookup, key, look_up};
use crate::clones::CloneRequest;
use crate::engine::Outcome;
use crate::engine::RunnerId;
use crate::engine::stretch::{Start, Stretch, StretchStep};
use crate::event::{Event, FirstMiss, Reason, SnapshotInfo, StartsFrom, StepInfo, StepResult};
use crate::store::collect::{USE_GRAIN, nanoseconds};
use crate::store::committer::{Commit, Committed};
use crate::store::record::{MachineState, NotTaken, Record, Snapshot, StateId, TextKey, WeakKey};
use crate::store::run_name::RunName;
use crate::store::turns::{Asked, Turn};
use layerc_planner::plan::{Action, CommandMode, SkipCondition, SnapshotPolicy};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

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
pub(super) struct Keys {
    pub(super) weak: WeakKey,
    pub(super) text: TextKey,
}

/// See the module.
pub(super) struct Worker<'run> {
    pub(super) context: &'run Context<'run>,
    pub(super) stretch: &'run Stretch,
    pub(super) runner: String,
    pub(super) live: Option<Live>,
    /// The right to work on the step that runs now.
    pub(super) turn: Option<Turn>,
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
            turn: None,
            inherited: Arc::default(),
        }
    }

    /// Works from `position` (or the base image) to the end of the stretch.
    pub(super) fn work(mut self, position: Option<Position>) -> (Outcome, Option<Position>) {
        let started = Instant::now();
        let ended = self.begin(position).and_then(|mut chain| {
            let walked = self.walk(&mut chain)?;
            if self.stretch.is_last || matches!(walked, Walked::Skipped) {
                self.keep_up(&mut chain)?;
            }
            self.keep_for_others(&mut chain)?;
            Ok((walked, chain))
        });
        if let Some(live) = &mut self.live {
            live.hear(self.context);
        }
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

    pub(super) fn is_stopped(&self) -> bool {
        self.context.stops.is_stopped(self.stretch.id)
    }

    fn begin(&mut self, position: Option<Position>) -> Result<Chain, Trouble> {
        let mut chain = match (position, &self.stretch.start) {
            (Some(Position { mut chain, machine }), start) => {
                self.inherited = machine;
                if matches!(start, Start::After(source) if self.context.graph.is_branch(*source)) {
                    chain.branches.push(chain.links.len());
                }
                chain
            }
            (None, Start::Base(image)) => {
                let Context { bases, options, backend, events, .. } = self.context;
                let base = bases
                    .get(image, &options.images, *backend, *events)
                    .map_err(Trouble::Broken)?;
                let memory_bytes = self.memory_key();
                Chain::beginning(image, base, memory_bytes)
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
        let is_restorable = chain.restorable(|_| true).0 == live.at;
        let is_needed = if is_restorable {
            successors.any(|next| self.is_same_runner(next) && !self.sleeps_before(next))
        } else {
            successors.next().is_some()
        };
        Position { chain, machine: Arc::new(Mutex::new(is_needed.then_some(live))) }
    }

    /// Whether a machine is put to sleep while a person is waited for: what it was is on disk.
    fn sleeps_before(&self, next: &Stretch) -> bool {
        next.gate.is_some() && self.context.backend.keeps() == Keeps::Machines
    }

    /// What of MEMORY is part of the key of every state.
    fn memory_key(&self) -> Option<u64> {
        let Context { plan, backend, .. } = self.context;
        memory_key(plan, self.stretch.layerfile, backend.keeps())
    }

    fn is_same_runner(&self, next: &Stretch) -> bool {
        next.layerfile == self.stretch.layerfile && next.copies.first == self.stretch.copies.first
    }

    pub(super) fn lock_inherited(&self) -> std::sync::MutexGuard<'_, Option<Live>> {
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
                action if advance::touches_machine(action) => self.take(chain, planned)?,
                Action::Checkpoint { .. } => {
                    self.checkpoint(chain)?;
                    self.set(chain, planned)?;
                }
                _ => self.set(chain, planned)?,
            }
        }
        Ok(Walked::ToTheEnd)
    }

    fn skips(&self, conditions: &[SkipCondition]) -> Result<bool, Trouble> {
        super::skip::holds(conditions, |name| self.context.built_ins.value(name, &self.runner))
            .map_err(Trouble::Failed)
    }

    /// An instruction that only sets something.
    fn set(&self, chain: &mut Chain, planned: &StretchStep) -> Result<(), Trouble> {
        let Context { secrets, built_ins, store, .. } = self.context;
        let values = KeyedValues {
            secrets,
            secret_key: store.secret_key(),
            built_ins,
            runner: &self.runner,
        };
        match advance::set(chain, &planned.step.action, values) {
            Advanced::Yes => {
                let step = info(self.context.plan, planned);
                self.context.emit(Event::StepSet { runner: self.runner.clone(), step });
                Ok(())
            }
            // Everything else was refused before the run began.
            Advanced::No => Err(Trouble::Broken("this instruction can't run here".to_owned())),
        }
    }

    /// A step that touches the machine.
    fn take(&mut self, chain: &mut Chain, planned: &StretchStep) -> Result<(), Trouble> {
        if let Some(request) = CloneRequest::of(&planned.step.action) {
            let shown =
                self.context.clones.show(&request, self.context, self.stretch.id, &self.runner);
            shown.map_err(|trouble| placed(trouble, &info(self.context.plan, planned)))?;
        }
        let instruction = key::instruction(&planned.step.action);
        let keys = Keys {
            weak: key::step(chain.strong, &instruction),
            text: key::text(chain.text, &instruction),
        };
        let info = info(self.context.plan, planned);
        match self.look_up_in_turn(chain, &keys, planned.number)? {
            Lookup::Hit(record) => {
                self.accept(chain, &keys, planned, info, *record);
                Ok(())
            }
            Lookup::Miss(reason) => {
                let ran = self.run_step(chain, &keys, planned, info, reason);
                self.turn = None;
                ran
            }
        }
    }

    /// Looks a step up. Where another worker of this run is at the same step, its record is waited for.
    fn look_up_in_turn(
        &mut self,
        chain: &Chain,
        keys: &Keys,
        number: u32,
    ) -> Result<Lookup, Trouble> {
        loop {
            let found = self.look_up(chain, keys, number)?;
            let shares = chain.except.is_none() && chain.is_unsure == Certainty::Sure;
            if matches!(found, Lookup::Hit(_)) || !shares || self.runs_everything() {
                return Ok(found);
            }
            match self.context.turns.ask(keys.weak, || !self.is_stopped()) {
                Asked::Mine(turn) => {
                    self.turn = Some(turn);
                    // The record may have been written between the lookup and the turn.
                    return self.look_up(chain, keys, number);
                }
                Asked::Ended => {}
                Asked::GivenUp => return Err(Trouble::Stopped),
            }
        }
    }

    pub(super) fn runs_everything(&self) -> bool {
        self.context.options.cache == CacheUse::RunEverything
    }

    fn look_up(&self, chain: &Chain, keys: &Keys, number: u32) -> Result<Lookup, Trouble> {
        if self.runs_everything() {
            return Ok(Lookup::Miss(Reason::Forced));
        }
        let question = Answers {
            weak: keys.weak,
            text: keys.text,
            keyed: &chain.keyed,
            number,
            except: chain.except,
        };
        let found =
            look_up(&self.context.store.index().view()?, self.context.repository, &question)?;
        Ok(match (found, &chain.first_run) {
            // Behind a new result only a step of another Layerfile, or of another run, can have been here.
            (Lookup::Miss(_), Some(first)) => {
                let StepInfo { number, layerfile, .. } = first.clone();
                Lookup::Miss(Reason::Follows { number, layerfile })
            }
            (found, _) => found,
        })
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
        self.note_use(&record);
        self.context.emit(Event::StepCached {
            runner: self.runner.clone(),
            step: info.clone(),
            saved_ms: record.milliseconds,
            state: record.strong.id(),
            made_by: RunName::of(record.run),
        });
        chain.accept(planned, info, keys.text, record);
    }

    /// Notes that a record answered, once a day: what is used least goes first when room is made.
    fn note_use(&self, record: &Record) {
        let now = nanoseconds(SystemTime::now());
        let grain = u64::try_from(USE_GRAIN.as_nanos()).unwrap_or(u64::MAX);
        let is_fresh = |used_at: u64| now.saturating_sub(used_at) < grain;
        let Context { store, committer, .. } = self.context;
        if is_fresh(record.recorded_at) {
            return;
        }
        let noted = store.index().view().and_then(|view| view.used_at(record.strong));
        if !noted.is_ok_and(|used_at| used_at.is_some_and(is_fresh)) {
            let what = Committed::Used { strong: record.strong, at: now };
            committer.commit(Commit { what, layers: Vec::new(), turn: None });
        }
    }

    fn run_step(
        &mut self,
        chain: &mut Chain,
        keys: &Keys,
        planned: &StretchStep,
        info: StepInfo,
        reason: Reason,
    ) -> Result<(), Trouble> {
        let own_last = match self.own_last(chain, keys, &planned.step)? {
            Some(own_last) if self.start_over(chain, &own_last)? == Started::Over => Some(own_last),
            Some(_) | None => {
                self.materialise(chain)?;
                None
            }
        };
        self.publish(chain)?;
        let starts_from =
            own_last.as_ref().map_or(StartsFrom::PreviousStep, |_| StartsFrom::OwnLastRun);
        self.announce(&info, reason, starts_from);
        let started = Instant::now();
        let performed = match self.perform(&planned.step.action, &chain.state, &info) {
            Ok(performed) if performed.result != StepResult::Success && !self.is_stopped() => {
                return Err(self.fail(chain, keys, planned, &info, performed, started));
            }
            performed => self.checked(performed, &info, started)?,
        };
        let frozen = match planned.step.action {
            // It starts from there itself the next time.
            Action::Run { mode: CommandMode::Repeatable, .. }
                if planned.step.snapshot != SnapshotPolicy::Forbidden =>
            {
                self.live()?.freeze_for_others()
            }
            _ => self.live()?.freeze(planned.step.snapshot),
        };
        let snapshot = match frozen {
            Ok(snapshot) => self.without_secrets(snapshot),
            Err(trouble) => return Err(self.finish_badly(trouble, &info, started)),
        };
        let took = started.elapsed();
        let context = self.context;
        self.live()?.hear(context);
        let kept = snapshot_info(&snapshot);
        let step = info.clone();
        match self.record(chain, keys, planned, info, performed, snapshot, own_last, took) {
            Ok(state) => {
                self.finished(&step, StepResult::Success, took, kept, state);
                self.publish(chain)
            }
            Err(trouble) => Err(self.finish_badly(trouble, &step, started)),
        }
    }

    pub(super) fn live(&mut self) -> Result<&mut Live, Trouble> {
        self.live.as_mut().ok_or_else(|| Trouble::Broken("there is no machine".to_owned()))
    }

    pub(super) fn perform(
        &mut self,
        action: &Action,
        state: &MachineState,
        info: &StepInfo,
    ) -> Result<Performed, Trouble> {
        let (context, runner) = (self.context, self.runner.clone());
        perform(Whose { context, runner: &runner, info }, self.live()?, action, state)
    }

    pub(super) fn announce(&self, step: &StepInfo, reason: Reason, starts_from: StartsFrom) {
        let miss = FirstMiss { step: step.clone(), reason: reason.clone() };
        self.context.tallies.runs(&self.runner, miss);
        self.context.emit(Event::StepStarted {
            runner: self.runner.clone(),
            step: step.clone(),
            reason,
            starts_from,
        });
    }

    pub(super) fn finished(
        &self,
        step: &StepInfo,
        result: StepResult,
        took: Duration,
        snapshot: SnapshotInfo,
        state: Option<StateId>,
    ) {
        self.context.emit(Event::StepFinished {
            runner: self.runner.clone(),
            step: step.clone(),
            result,
            duration_ms: milliseconds(took),
            snapshot,
            state,
        });
    }

    /// Ends the step where it didn't end well.
    pub(super) fn checked(
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
                self.finished(info, result, started.elapsed(), SnapshotInfo::Failed, None);
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
        self.finished(info, result, started.elapsed(), SnapshotInfo::Failed, None);
        trouble
    }
}

/// A failure with the instruction it is about.
fn placed(trouble: Trouble, info: &StepInfo) -> Trouble {
    let place = format!("{}:{}: `{}`: ", info.layerfile, info.line, info.text);
    match trouble {
        Trouble::Failed(text) => Trouble::Failed(place + &text),
        Trouble::Broken(text) => Trouble::Broken(place + &text),
        Trouble::Stopped => Trouble::Stopped,
    }
}

pub(super) fn failure_text(info: &StepInfo, result: &StepResult) -> String {
    let how = match result {
        StepResult::ExitCode { code } => format!("failed with exit code {code}"),
        StepResult::Signal { signal } => format!("was ended by signal {signal}"),
        StepResult::Success | StepResult::Cancelled | StepResult::Error { .. } => {
            "did not end well".to_owned()
        }
    };
    format!("{}:{}: `{}` {how}", info.layerfile, info.line, info.text)
}

pub(super) fn snapshot_info(snapshot: &Snapshot) -> SnapshotInfo {
    match snapshot {
        Snapshot::Taken(_) => SnapshotInfo::Taken,
        Snapshot::NotTaken(NotTaken::ProcessesAlive(names)) => {
            SnapshotInfo::ProcessesAlive { names: names.clone() }
        }
        Snapshot::NotTaken(NotTaken::Forbidden) => SnapshotInfo::Forbidden,
        Snapshot::NotTaken(NotTaken::Cheap) => SnapshotInfo::Cheap,
        Snapshot::NotTaken(NotTaken::Secret) => SnapshotInfo::Secret,
    }
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
