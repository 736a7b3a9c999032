//! Which stretch of which runner may start now, and what a failure cancels. Pure policy: events in, effects out.
//!
//! Knows no threads, clock, machine or store, so every schedule can be tried in a test.

pub mod stretch;
#[cfg(test)]
mod tests;
pub mod worth;

use layerc_planner::plan::{LayerfileId, Plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use stretch::{Start, Stretch, StretchError, StretchGraph, StretchId};

/// One Layerfile's one copy: what people see as a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunnerId {
    /// The Layerfile.
    pub layerfile: LayerfileId,
    /// Which copy, from 0.
    pub copy: u32,
}

/// Where a runner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunnerState {
    /// Nothing of it has started; it could, or waits for a free slot.
    New,
    /// It waits for its parent or for a WAIT.
    WaitingParents,
    /// It stands before a BUTTON: neither running nor failed, until a person presses it.
    WaitingButton,
    /// It works.
    Running,
    /// All its steps ended well.
    Success,
    /// A step failed.
    Failure,
    /// It could not be run: the machine, the store or the host failed.
    Error,
    /// It was not run to its end because something it needs failed, or the run was stopped.
    Cancelled,
    /// SKIP REMAINING IF ended it; counts as success.
    Skipped,
    /// The run ended while it, or something it needs, stood before a BUTTON that nobody pressed. A resumed run goes on
    /// from there.
    Postponed,
}

impl RunnerState {
    /// Whether it will not change any more.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::New | Self::WaitingParents | Self::WaitingButton | Self::Running)
    }

    /// Whether those who wait for it may go on.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::Skipped)
    }
}

/// How a stretch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// At its last step.
    Success,
    /// By SKIP REMAINING IF; the rest of its Layerfile is skipped too.
    Skipped,
    /// A step failed.
    Failure,
    /// It could not be run.
    Error,
    /// It was stopped.
    Cancelled,
    /// Nobody pressed the BUTTON before it, or before something it needs.
    Postponed,
}

impl Outcome {
    const fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::Skipped)
    }
}

/// What happens to others when a runner fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// The whole run is stopped.
    StopAll,
    /// Only what needs the failed one is cancelled.
    KeepGoing,
}

/// What the engine is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A stretch that was started has ended.
    Finished(StretchId, Outcome),
    /// The person agreed.
    Pressed(StretchId),
    /// Nobody will press a button any more: what stands before one, and what needs it, is postponed.
    NobodyPresses,
    /// The run is to be stopped.
    Cancel,
}

/// What the engine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Start this stretch; tell when it ended.
    Start(StretchId),
    /// Stop this stretch; it is still to be told when it ended.
    Stop(StretchId),
    /// Ask the person.
    Ask(StretchId),
    /// This stretch is skipped: its end state is the one it would have started from.
    Skip(StretchId),
    /// Nobody needs the state at the end of this stretch any more.
    Release(StretchId),
    /// A runner's state changed.
    Runner(RunnerId, RunnerState),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Blocked,
    Asking,
    Ready,
    Running,
    Done(Outcome),
}

impl Progress {
    const fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Done(outcome) => Some(outcome),
            Self::Blocked | Self::Asking | Self::Ready | Self::Running => None,
        }
    }
}

/// How a WAIT stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    NotYet,
    Well,
    InVain,
    Postponed,
}

/// What a stretch that isn't decided yet should become.
enum Verdict {
    Wait,
    Cancel,
    Postpone,
    Skip,
    Ask,
    Go,
}

/// The state of a run.
#[derive(Debug)]
pub struct Engine {
    graph: StretchGraph,
    progress: Vec<Progress>,
    pressed: Vec<bool>,
    /// How many stretches that start from a stretch are not done.
    needed_by: Vec<usize>,
    runners: BTreeMap<RunnerId, RunnerState>,
    stretches_of: BTreeMap<LayerfileId, Vec<StretchId>>,
    jobs: NonZeroUsize,
    running: usize,
    on_failure: OnFailure,
    undecided: Vec<StretchId>,
}

impl Engine {
    /// An engine at the start of a run.
    ///
    /// # Errors
    /// When the plan can't be cut into stretches.
    pub fn new(
        plan: &Plan,
        jobs: NonZeroUsize,
        on_failure: OnFailure,
    ) -> Result<Self, StretchError> {
        let graph = StretchGraph::new(plan)?;
        let count = graph.stretches.len();
        let mut needed_by = vec![0; count];
        let mut stretches_of: BTreeMap<LayerfileId, Vec<StretchId>> = BTreeMap::new();
        let mut runners = BTreeMap::new();
        for stretch in &graph.stretches {
            if let Start::After(id) = stretch.start
                && let Some(needed) = needed_by.get_mut(id.index())
            {
                *needed += 1;
            }
            stretches_of.entry(stretch.layerfile).or_default().push(stretch.id);
            if stretch.is_last {
                let runner = RunnerId { layerfile: stretch.layerfile, copy: stretch.copies.first };
                runners.insert(runner, RunnerState::New);
            }
        }
        Ok(Self {
            undecided: graph.stretches.iter().map(|stretch| stretch.id).collect(),
            graph,
            progress: vec![Progress::Blocked; count],
            pressed: vec![false; count],
            needed_by,
            runners,
            stretches_of,
            jobs,
            running: 0,
            on_failure,
        })
    }

    /// The stretches.
    pub const fn graph(&self) -> &StretchGraph {
        &self.graph
    }

    /// Every runner and where it is.
    pub const fn runners(&self) -> &BTreeMap<RunnerId, RunnerState> {
        &self.runners
    }

    /// Whether every stretch has ended.
    pub fn is_finished(&self) -> bool {
        self.progress.iter().all(|progress| progress.outcome().is_some())
    }

    /// What to do first.
    pub fn begin(&mut self) -> Vec<Effect> {
        self.advance(Vec::new())
    }

    /// What to do after something happened. An input about a stretch that isn't running or asking changes nothing.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Finished(id, outcome) => self.finish(id, outcome, &mut effects),
            Input::Pressed(id) => {
                if let Some(pressed) = self.pressed.get_mut(id.index()) {
                    *pressed = true;
                }
            }
            Input::NobodyPresses => self.postpone_asked(&mut effects),
            Input::Cancel => self.stop_all(&mut effects),
        }
        self.advance(effects)
    }

    /// Whether nothing can happen until a person presses a button.
    pub fn needs_a_person(&self) -> bool {
        self.running == 0 && self.progress.contains(&Progress::Asking)
    }

    /// The stretches whose button is asked for and not pressed yet.
    pub fn asking(&self) -> impl Iterator<Item = StretchId> + '_ {
        let stretches = self.graph.stretches.iter().map(|stretch| stretch.id);
        stretches.filter(|id| self.progress(*id) == Progress::Asking)
    }

    fn postpone_asked(&mut self, effects: &mut Vec<Effect>) {
        for id in self.asking().collect::<Vec<_>>() {
            self.decide(id, Outcome::Postponed, effects);
        }
    }

    fn progress(&self, id: StretchId) -> Progress {
        self.progress.get(id.index()).copied().unwrap_or(Progress::Done(Outcome::Error))
    }

    fn set(&mut self, id: StretchId, progress: Progress) {
        if let Some(place) = self.progress.get_mut(id.index()) {
            *place = progress;
        }
    }

    fn finish(&mut self, id: StretchId, outcome: Outcome, effects: &mut Vec<Effect>) {
        if self.progress(id) != Progress::Running {
            return;
        }
        self.running -= 1;
        self.decide(id, outcome, effects);
        let failed = matches!(outcome, Outcome::Failure | Outcome::Error);
        if failed && self.on_failure == OnFailure::StopAll {
            self.stop_all(effects);
        }
    }

    /// Ends a stretch and lets go of the state it started from.
    fn decide(&mut self, id: StretchId, outcome: Outcome, effects: &mut Vec<Effect>) {
        self.set(id, Progress::Done(outcome));
        if self.needed_by.get(id.index()) == Some(&0) {
            effects.push(Effect::Release(id));
        }
        let Some(Start::After(source)) = self.graph.get(id).map(|stretch| stretch.start.clone())
        else {
            return;
        };
        let source_ended = self.progress(source).outcome().is_some();
        if let Some(needed) = self.needed_by.get_mut(source.index()) {
            *needed -= 1;
            if *needed == 0 && source_ended {
                effects.push(Effect::Release(source));
            }
        }
    }

    fn stop_all(&mut self, effects: &mut Vec<Effect>) {
        for id in self.graph.stretches.iter().map(|stretch| stretch.id).collect::<Vec<_>>() {
            match self.progress(id) {
                Progress::Running => effects.push(Effect::Stop(id)),
                Progress::Done(_) => {}
                Progress::Blocked | Progress::Asking | Progress::Ready => {
                    self.decide(id, Outcome::Cancelled, effects);
                }
            }
        }
    }

    /// Decides everything that can be decided now, then starts what fits.
    fn advance(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        while self.settle(&mut effects) {}
        for id in self.undecided.clone() {
            if self.running < self.jobs.get() && self.progress(id) == Progress::Ready {
                self.running += 1;
                self.set(id, Progress::Running);
                effects.push(Effect::Start(id));
            }
        }
        self.undecided.retain(|id| {
            !matches!(
                self.progress.get(id.index()),
                Some(Progress::Running | Progress::Done(_)) | None
            )
        });
        self.report_runners(&mut effects);
        effects
    }

    /// One pass over the undecided; true if it changed something others may depend on.
    fn settle(&mut self, effects: &mut Vec<Effect>) -> bool {
        let mut changed = false;
        for id in self.undecided.clone() {
            if !matches!(self.progress(id), Progress::Blocked | Progress::Asking) {
                continue;
            }
            match self.verdict(id) {
                Verdict::Wait => {}
                Verdict::Go => self.set(id, Progress::Ready),
                Verdict::Ask => {
                    if self.progress(id) == Progress::Blocked {
                        self.set(id, Progress::Asking);
                        effects.push(Effect::Ask(id));
                    }
                }
                Verdict::Cancel => {
                    self.decide(id, Outcome::Cancelled, effects);
                    changed = true;
                }
                Verdict::Postpone => {
                    self.decide(id, Outcome::Postponed, effects);
                    changed = true;
                }
                Verdict::Skip => {
                    effects.push(Effect::Skip(id));
                    self.decide(id, Outcome::Skipped, effects);
                    changed = true;
                }
            }
        }
        changed
    }

    fn verdict(&self, id: StretchId) -> Verdict {
        let Some(stretch) = self.graph.get(id) else { return Verdict::Cancel };
        if let Start::After(source) = stretch.start {
            match self.progress(source).outcome() {
                None => return Verdict::Wait,
                Some(Outcome::Postponed) => return Verdict::Postpone,
                Some(outcome) if !outcome.is_success() => return Verdict::Cancel,
                Some(Outcome::Skipped) if self.same_layerfile(source, stretch) => {
                    return Verdict::Skip;
                }
                Some(_) => {}
            }
        }
        match self.waited_for(&stretch.waits_for) {
            Waited::Well if stretch.gate.is_none() => Verdict::Go,
            Waited::Well if self.pressed.get(id.index()) == Some(&true) => Verdict::Go,
            Waited::Well => Verdict::Ask,
            Waited::InVain => Verdict::Cancel,
            Waited::Postponed => Verdict::Postpone,
            Waited::NotYet => Verdict::Wait,
        }
    }

    fn same_layerfile(&self, source: StretchId, stretch: &Stretch) -> bool {
        self.graph.get(source).is_some_and(|other| other.layerfile == stretch.layerfile)
    }

    /// Whether all of these Layerfiles ended well; one that can't any more decides.
    fn waited_for(&self, layerfiles: &[LayerfileId]) -> Waited {
        let mut waited = Waited::Well;
        for layerfile in layerfiles {
            for &id in self.stretches_of.get(layerfile).into_iter().flatten() {
                match self.progress(id).outcome() {
                    Some(Outcome::Postponed) => waited = Waited::Postponed,
                    Some(outcome) if !outcome.is_success() => return Waited::InVain,
                    None if waited == Waited::Well => waited = Waited::NotYet,
                    Some(_) | None => {}
                }
            }
        }
        waited
    }

    fn report_runners(&mut self, effects: &mut Vec<Effect>) {
        let changed: Vec<(RunnerId, RunnerState)> = self
            .runners
            .iter()
            .filter(|(_, state)| !state.is_final())
            .map(|(&runner, &before)| (runner, before, self.runner_state(runner)))
            .filter(|(_, before, now)| before != now)
            .map(|(runner, _, now)| (runner, now))
            .collect();
        for (runner, state) in changed {
            self.runners.insert(runner, state);
            effects.push(Effect::Runner(runner, state));
        }
    }

    fn runner_state(&self, runner: RunnerId) -> RunnerState {
        let mut started = false;
        let own = self.stretches_of.get(&runner.layerfile).into_iter().flatten();
        for stretch in own.filter_map(|&id| self.graph.get(id)) {
            if !stretch.copies.contains(runner.copy) {
                continue;
            }
            match self.progress(stretch.id) {
                Progress::Done(Outcome::Success) => started = true,
                Progress::Done(Outcome::Skipped) => return RunnerState::Skipped,
                Progress::Done(Outcome::Failure) => return RunnerState::Failure,
                Progress::Done(Outcome::Error) => return RunnerState::Error,
                Progress::Done(Outcome::Cancelled) => return RunnerState::Cancelled,
                Progress::Done(Outcome::Postponed) => return RunnerState::Postponed,
                Progress::Running => return RunnerState::Running,
                Progress::Blocked => return RunnerState::WaitingParents,
                Progress::Asking => return RunnerState::WaitingButton,
                Progress::Ready if started => return RunnerState::Running,
                Progress::Ready => return RunnerState::New,
            }
        }
        RunnerState::Success
    }
}
