//! What all workers of a run share.

use super::bases::Bases;
use super::clones::Clones;
use super::exposing::RunDoors;
use super::remade::Remade;
use super::stops::Stops;
use super::tally::Tallies;
use super::{Options, Setup};
use crate::backend::Backend;
use crate::cache::forecast::runner_name;
use crate::engine::RunnerId;
use crate::engine::stretch::StretchGraph;
use crate::event::{Event, EventSink, StepResult};
use crate::repository_view::RepositoryView;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::store::committer::Committer;
use crate::store::turns::Turns;
use crate::variables::BuiltIns;
use layerc_planner::plan::{LayerfileId, Plan};
use std::sync::atomic::{AtomicU64, Ordering};

/// See the module.
pub(super) struct Context<'run> {
    pub(super) plan: &'run Plan,
    pub(super) graph: &'run StretchGraph,
    pub(super) backend: &'run dyn Backend,
    pub(super) repository: &'run dyn RepositoryView,
    /// Its root as people know it.
    pub(super) repository_name: &'run str,
    pub(super) store: &'run Store,
    pub(super) committer: &'run Committer,
    pub(super) secrets: &'run Secrets,
    pub(super) built_ins: &'run BuiltIns,
    pub(super) events: &'run dyn EventSink,
    pub(super) options: &'run Options,
    pub(super) bases: Bases,
    pub(super) clones: Clones,
    pub(super) stops: Stops,
    pub(super) tallies: Tallies,
    /// What the plan exposes, if it does.
    pub(super) doors: Option<RunDoors>,
    /// Questions that a worker of this run is working on.
    pub(super) turns: Turns,
    /// States that were made again.
    pub(super) remade: Remade,
    drawn: AtomicU64,
}

impl<'run> Context<'run> {
    pub(super) fn new(
        setup: &'run Setup<'_>,
        graph: &'run StretchGraph,
        committer: &'run Committer,
        doors: Option<RunDoors>,
    ) -> Self {
        Self {
            plan: setup.plan,
            graph,
            backend: setup.backend,
            repository: setup.repository,
            repository_name: &setup.repository_name,
            store: &setup.store,
            committer,
            secrets: &setup.secrets,
            built_ins: &setup.built_ins,
            events: setup.events,
            options: &setup.options,
            bases: Bases::default(),
            clones: Clones::default(),
            stops: Stops::default(),
            tallies: Tallies::default(),
            doors,
            turns: Turns::default(),
            remade: Remade::default(),
            drawn: AtomicU64::new(0),
        }
    }

    /// Tells the world. Texts that were put together from what programs and systems said may hold a secret.
    pub(super) fn emit(&self, event: Event) {
        let masked = |text: String| self.secrets.masked(text);
        self.events.emit(match event {
            Event::Warning { runner, text } => Event::Warning { runner, text: masked(text) },
            Event::RunnerFailed { runner, text } => {
                Event::RunnerFailed { runner, text: masked(text) }
            }
            Event::Note { text } => Event::Note { text: masked(text) },
            Event::StepFinished {
                runner,
                step,
                result: StepResult::Error { text },
                duration_ms,
                snapshot,
                state,
            } => {
                let result = StepResult::Error { text: masked(text) };
                Event::StepFinished { runner, step, result, duration_ms, snapshot, state }
            }
            other => other,
        });
    }

    pub(super) fn warn(&self, runner: &str, text: String) {
        self.emit(Event::Warning { runner: Some(runner.to_owned()), text });
    }

    /// The name of a runner.
    pub(super) fn runner_name(&self, runner: RunnerId) -> String {
        runner_name(self.plan, runner)
    }

    pub(super) fn layerfile_path(&self, layerfile: LayerfileId) -> String {
        self.plan.layerfile(layerfile).map(|file| file.path.to_string()).unwrap_or_default()
    }

    /// Bytes that no other run and no other call gives.
    pub(super) fn draw(&self) -> Vec<u8> {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        [&self.store.run().id().0[..], &number.to_le_bytes()].concat()
    }
}
