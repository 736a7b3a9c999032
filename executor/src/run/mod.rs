//! Runs a plan: drives the engine, one thread for each stretch that runs, and tells the world through events.
//!
//! ```text
//! engine (what may start) ─► worker (walk the steps: look up, or) ─► live machine (perform, freeze) ─► committer
//! ```
//!
//! Knows machines only as [`Backend`], the repository only as [`RepositoryView`], the user only as [`EventSink`].

mod bases;
mod cancellation;
mod clones;
mod context;
mod daemons;
mod evaluation;
mod exposing;
mod failed;
mod gates;
mod live;
mod machines;
mod output;
mod perform;
mod recording;
mod remade;
mod requirements;
mod served;
pub(crate) mod skip;
mod sources;
mod stops;
mod tally;
#[cfg(test)]
mod tests;
mod trouble;
pub mod visit;
mod waking_ports;
mod worker;

pub use cancellation::{Cancellation, Canceller, cancellation};
pub use exposing::Afterwards;
pub use gates::{ButtonRule, Buttons, Presser};
pub use requirements::{beyond, image_names, secret_names};

use crate::backend::{Backend, ImageSource};
use crate::cache::forecast::runner_name;
use crate::engine::stretch::{Start, StretchError, StretchId};
use crate::engine::{Effect, Engine, Input, OnFailure, Outcome, RunnerId, RunnerState};
use crate::event::{Event, EventSink, RunOutcome, RunnerInfo};
use crate::repository_view::RepositoryView;
use crate::secrets::Secrets;
use crate::store::committer::Committer;
use crate::store::run_name::RunName;
use crate::store::{Store, StoreError, orphans};
use crate::variables::BuiltIns;
use context::Context;
use crossbeam_channel::{Receiver, Sender, select, unbounded};
use exposing::RunDoors;
use gates::Gates;
use layerc_planner::plan::{Node, Plan};
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::Scope;
use std::time::{Duration, SystemTime};
use worker::{Position, Worker};

/// Whether records are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    /// Yes.
    LookUp,
    /// No; everything runs, and is recorded.
    RunEverything,
}

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many runners work at once.
    pub jobs: NonZeroUsize,
    /// What a failure does to others.
    pub on_failure: OnFailure,
    /// Whether to skip what is known.
    pub cache: CacheUse,
    /// What base image names stand for.
    pub images: BTreeMap<String, ImageSource>,
    /// How long EXPOSE waits for a port.
    pub expose_wait: Duration,
    /// After how long without a connection an exposed machine is put to sleep, where that is possible; `None` for never.
    pub expose_idle: Option<Duration>,
    /// Port of this computer that websites are at; `None` for any that is free.
    pub expose_port: Option<u16>,
    /// What becomes of exposed runners when the plan is through.
    pub afterwards: Afterwards,
}

/// Everything a run works with.
#[expect(missing_debug_implementations, reason = "it holds trait objects")]
pub struct Setup<'run> {
    /// What to run.
    pub plan: &'run Plan,
    /// Makes machines.
    pub backend: &'run dyn Backend,
    /// The repository.
    pub repository: &'run dyn RepositoryView,
    /// Its root as people know it.
    pub repository_name: String,
    /// Results.
    pub store: Arc<Store>,
    /// Values of secrets.
    pub secrets: Secrets,
    /// Built-in variables.
    pub built_ins: BuiltIns,
    /// Who listens.
    pub events: &'run dyn EventSink,
    /// How.
    pub options: Options,
    /// What the run is called. A resumed run keeps its name.
    pub name: RunName,
    /// Who presses its buttons.
    pub buttons: Buttons,
    /// Stops the run.
    pub cancel: Cancellation,
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Things the user has to provide or leave out, a sentence each.
    #[error("{}", .0.join("\n"))]
    Requirements(Vec<String>),
    /// The plan is damaged.
    #[error(transparent)]
    Plan(#[from] StretchError),
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is exposed can't be reached.
    #[error("cannot listen at {place} of this computer's loopback for exposed websites")]
    Doors {
        /// Where.
        place: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A stretch has ended, in this way, at this state.
type Message = (StretchId, Outcome, Option<Position>);

/// Checks what a run needs, runs it to its end, and returns how it ended. Nothing of it is left afterwards: no
/// machine, no thread, no record half written.
///
/// # Errors
/// When something is missing; then nothing has been started.
pub fn run(setup: &Setup<'_>) -> Result<RunOutcome, RunError> {
    let missing = requirements::missing(
        setup.plan,
        &setup.options.images,
        &setup.secrets,
        setup.backend.lacks(),
    );
    if !missing.is_empty() {
        return Err(RunError::Requirements(missing));
    }
    orphans::remove(&setup.store, setup.backend.layer_directory(), SystemTime::now())?;
    let mut engine = Engine::new(setup.plan, setup.options.jobs, setup.options.on_failure)?;
    let graph = engine.graph().clone();
    let committer =
        Committer::new(Arc::clone(&setup.store), setup.backend.layer_directory().to_owned());
    let names = engine.runners().keys().map(|runner| runner_name(setup.plan, *runner));
    let doors = RunDoors::open(setup, names)?;
    let context = Context::new(setup, &graph, &committer, doors);
    context.emit(Event::RunStarted {
        run: setup.name.clone(),
        store: setup.store.directory().display().to_string(),
        repository: setup.repository_name.clone(),
        runners: runner_infos(&engine, &context),
    });
    let gates = Gates::new(setup, &graph);
    std::thread::scope(|served| {
        let _caretaker = context.doors.as_ref().map(|doors| doors.tend(served, &context));
        std::thread::scope(|scope| {
            Driver::new(scope, &context, &gates, &mut engine).drive(&setup.cancel.0);
        });
        if let Some(doors) = &context.doors {
            doors.see_out(&context, engine.runners(), &setup.cancel.0);
        }
    });
    if let Some(doors) = &context.doors {
        doors.end(&context);
    }
    let summary = context.tallies.summary(|runner| context.runner_name(runner), engine.runners());
    let outcome = outcome(engine.runners().values().copied());
    drop(context);
    for error in committer.finish() {
        let text = format!("results were not stored: {}", trouble::with_causes(&error));
        setup.events.emit(Event::Warning { runner: None, text });
    }
    setup.events.emit(Event::RunFinished {
        outcome,
        steps_run: summary.iter().map(|runner| runner.steps_run).sum(),
        steps_cached: summary.iter().map(|runner| runner.steps_cached).sum(),
        runners: summary,
    });
    Ok(outcome)
}

fn runner_infos(engine: &Engine, context: &Context<'_>) -> Vec<RunnerInfo> {
    let steps = |runner: &RunnerId| {
        let count = context
            .plan
            .path(runner.layerfile)
            .filter(|(_, node)| matches!(node, Node::Step(_)))
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    let info = |runner: &RunnerId| RunnerInfo {
        name: context.runner_name(*runner),
        layerfile: context.layerfile_path(runner.layerfile),
        steps: steps(runner),
    };
    engine.runners().keys().map(info).collect()
}

fn outcome(states: impl Iterator<Item = RunnerState>) -> RunOutcome {
    let mut outcome = RunOutcome::Success;
    for state in states {
        outcome = match (state, outcome) {
            (RunnerState::Error, _) | (_, RunOutcome::Error) => RunOutcome::Error,
            (RunnerState::Failure, _) | (_, RunOutcome::Failure) => RunOutcome::Failure,
            (RunnerState::Cancelled, _) | (_, RunOutcome::Cancelled) => RunOutcome::Cancelled,
            (RunnerState::Postponed, _) | (_, RunOutcome::Waiting) => RunOutcome::Waiting,
            (_, RunOutcome::Success) => RunOutcome::Success,
        };
    }
    outcome
}

/// Carries out what the engine wants.
struct Driver<'scope, 'run> {
    scope: &'scope Scope<'scope, 'run>,
    context: &'run Context<'run>,
    gates: &'scope Gates,
    engine: &'scope mut Engine,
    /// States that someone may still start from.
    positions: HashMap<StretchId, Position>,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
}

impl<'scope, 'run> Driver<'scope, 'run> {
    fn new(
        scope: &'scope Scope<'scope, 'run>,
        context: &'run Context<'run>,
        gates: &'scope Gates,
        engine: &'scope mut Engine,
    ) -> Self {
        let (sender, receiver) = unbounded();
        Self { scope, context, gates, engine, positions: HashMap::new(), sender, receiver }
    }

    fn drive(mut self, cancel: &Receiver<()>) {
        let effects = self.engine.begin();
        self.carry_out(effects);
        let mut cancel = cancel.clone();
        loop {
            self.look_at_buttons();
            if self.engine.is_finished() {
                return;
            }
            if let Some(input) = self.next(&mut cancel) {
                let effects = self.engine.handle(input);
                self.carry_out(effects);
            }
        }
    }

    /// What happens next, if the engine should hear of it.
    fn next(&mut self, cancel: &mut Receiver<()>) -> Option<Input> {
        select! {
            recv(self.receiver) -> message => Some(match message {
                Ok(message) => self.ended(message),
                Err(_) => Input::Cancel,
            }),
            recv(*cancel) -> request => {
                // A request is heard once; nobody left to make one is none.
                *cancel = crossbeam_channel::never();
                request.is_ok().then_some(Input::Cancel)
            },
            recv(self.gates.answers()) -> answer => {
                self.gates.hear(self.context, answer.ok());
                None
            },
            recv(self.gates.next_look(self.engine)) -> _ => None,
        }
    }

    /// Opens the gates whose button was pressed; without hope for a press, ends the run as waiting.
    fn look_at_buttons(&mut self) {
        for id in self.gates.pressed(self.context, self.engine) {
            let effects = self.engine.handle(Input::Pressed(id));
            self.carry_out(effects);
        }
        if self.engine.needs_a_person() && self.gates.nobody_presses() {
            let effects = self.engine.handle(Input::NobodyPresses);
            self.carry_out(effects);
        }
    }

    fn ended(&mut self, (id, outcome, position): Message) -> Input {
        self.context.stops.forget(id);
        if let Some(position) = position {
            self.positions.insert(id, position);
        }
        Input::Finished(id, outcome)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Start(id) => self.start(id),
                Effect::Stop(id) => self.context.stops.stop(id),
                Effect::Skip(id) => {
                    if let Some(position) = self.starting_position(id) {
                        self.positions.insert(id, position);
                    }
                }
                Effect::Release(id) => {
                    self.positions.remove(&id);
                }
                Effect::Runner(runner, state) => {
                    let runner = self.context.runner_name(runner);
                    self.context.emit(Event::RunnerChanged { runner, state });
                }
                Effect::Ask(id) => self.gates.ask(self.context, id),
            }
        }
    }

    fn starting_position(&self, id: StretchId) -> Option<Position> {
        match self.context.graph.get(id)?.start {
            Start::After(source) => self.positions.get(&source).cloned(),
            Start::Base(_) => None,
        }
    }

    fn start(&mut self, id: StretchId) {
        let Some(stretch) = self.context.graph.get(id) else { return };
        let position = self.starting_position(id);
        let (context, sender) = (self.context, self.sender.clone());
        context.stops.begin(id);
        self.scope.spawn(move || {
            let worked =
                catch_unwind(AssertUnwindSafe(|| Worker::new(context, stretch).work(position)));
            let (outcome, position) = worked.unwrap_or((Outcome::Error, None));
            // The driver listens until every stretch has ended.
            let _ = sender.send((id, outcome, position));
        });
    }
}
