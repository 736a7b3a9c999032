//! Goes back to a state of an earlier run: the chain that led there is put together from the plan and the records of
//! that run, and a machine is brought into it as for a step.
//!
//! Nothing is looked up by what the repository holds today, and nothing is recorded. Where the state wasn't kept, the
//! steps since the last kept one run again; the files that COPY and CLONE show are those of the repositories as they are
//! now.

use super::Setup;
use super::context::Context;
use super::perform::{Whose, command};
use super::trouble::{Trouble, with_causes};
use super::worker::Worker;
use crate::backend::{BackendError, BaseImage, Command, CommandEnd, Keeps, Layer, Machine};
use crate::cache::advance::{self, KeyedValues};
use crate::cache::forecast::{info, not_kept, runner_name};
use crate::cache::memory::memory_key;
use crate::cache::{Chain, key};
use crate::clones::CloneRequest;
use crate::engine::RunnerId;
use crate::engine::stretch::{Start, Stretch, StretchError, StretchGraph};
use crate::event::StepInfo;
use crate::store::committer::Committer;
use crate::store::record::{Record, Snapshot, StateId};
use crate::store::{Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Which side of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The state it started from.
    Before,
    /// The state it led to.
    After,
}

/// A state of a run.
#[derive(Debug, Clone)]
pub struct Target {
    /// Whose step, as events name the runner.
    pub runner: String,
    /// Number of the step in its Layerfile.
    pub number: u32,
    /// Which side of it.
    pub side: Side,
    /// The states that the run told, by runner and number of its own step.
    pub states: BTreeMap<(String, u32), StateId>,
}

/// Why a state can't be entered.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The runner has no such step.
    #[error("the plan of that run has no step {number} of `{runner}`")]
    NoStep {
        /// The runner.
        runner: String,
        /// The step.
        number: u32,
    },
    /// The run recorded nothing for a step on the way.
    #[error("that run kept no state behind step {} of {}, `{}`; `--before` is the state that it started from", .0.number, .0.layerfile, .0.text)]
    NoState(Box<StepInfo>),
    /// The record was removed since.
    #[error("the state behind step {} of {}, `{}`, is not in the store any more", .0.number, .0.layerfile, .0.text)]
    Gone(Box<StepInfo>),
    /// The state is known, but its files were not kept.
    #[error("the state behind step {} of {} was not kept: {cause}", step.number, step.layerfile)]
    NotKept {
        /// The step.
        step: Box<StepInfo>,
        /// Why.
        cause: String,
    },
    /// The plan is damaged.
    #[error(transparent)]
    Plan(#[from] StretchError),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine refused or failed.
    #[error("{0}")]
    Machine(String),
}

impl From<Trouble> for VisitError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Failed(text) | Trouble::Broken(text) => Self::Machine(text),
            Trouble::Stopped => Self::Machine("it was stopped".to_owned()),
        }
    }
}

/// Brings a machine into the state and hands it over, with a command that has what is set there and no script yet.
///
/// # Errors
/// When the state can't be had, or with what `enter` said.
pub fn visit(
    setup: &Setup<'_>,
    target: &Target,
    enter: &mut dyn FnMut(&mut dyn Machine, Command) -> Result<CommandEnd, BackendError>,
) -> Result<CommandEnd, VisitError> {
    let graph = StretchGraph::new(setup.plan)?;
    let layers = setup.backend.layer_directory().to_owned();
    let committer = Committer::new(Arc::clone(&setup.store), layers);
    let context = Context::new(setup, &graph, &committer, None);
    let (mut chain, stretch, info) = chain_to(setup, &graph, target)?;
    context.stops.begin(stretch.id);
    for request in chain.links.iter().filter_map(|link| CloneRequest::of(&link.step.action)) {
        context.clones.show(&request, &context, stretch.id, &target.runner)?;
    }
    let mut worker = Worker::new(&context, stretch);
    worker.materialise(&mut chain)?;
    let whose = Whose { context: &context, runner: &target.runner, info: &info };
    let mut command = command(whose, String::new(), &chain.state);
    command.setup_files.clone_from(&chain.state.setup_files);
    let machine = worker.live()?.machine.as_mut();
    enter(machine, command).map_err(|error| VisitError::Machine(with_causes(&error)))
}

/// What the files of the state are made of: the base and the layers over it.
///
/// # Errors
/// When the state can't be had, or wasn't kept.
pub fn layers(
    setup: &Setup<'_>,
    target: &Target,
) -> Result<(Arc<BaseImage>, Vec<Layer>), VisitError> {
    if setup.backend.keeps() == Keeps::Machines {
        let text = "the disks of virtual machines can't be compared yet: `layerc shell RUN:STEP -- COMMAND` looks into one";
        return Err(VisitError::Machine(text.to_owned()));
    }
    let graph = StretchGraph::new(setup.plan)?;
    let (chain, _, _) = chain_to(setup, &graph, target)?;
    let layers = match chain.links.last() {
        None => Vec::new(),
        Some(link) => match &link.snapshot {
            Snapshot::Taken(layers) => layers.clone(),
            snapshot @ Snapshot::NotTaken(_) => {
                let step = Box::new(link.info.clone());
                return Err(VisitError::NotKept { step, cause: not_kept(snapshot) });
            }
        },
    };
    Ok((Arc::clone(&chain.base), layers))
}

/// The chain that leads to a state, the stretch it ends in, and the step it is a side of.
fn chain_to<'graph>(
    setup: &Setup<'_>,
    graph: &'graph StretchGraph,
    target: &Target,
) -> Result<(Chain, &'graph Stretch, StepInfo), VisitError> {
    let records = records(&setup.store)?;
    let missing = || VisitError::NoStep { runner: target.runner.clone(), number: target.number };
    let is_target = |stretch: &Stretch| {
        name_of(setup, stretch) == target.runner
            && stretch.steps.iter().any(|planned| planned.number == target.number)
    };
    let last = graph.stretches.iter().find(|stretch| is_target(stretch)).ok_or_else(missing)?;
    let way = way(graph, last);
    let mut chain = beginning(setup, &way)?;
    for stretch in way {
        if let Some(fork) = stretch.fork {
            advance::enter_copy(&mut chain, fork, setup.store.run().id());
        }
        let runner = name_of(setup, stretch);
        for planned in &stretch.steps {
            let step = info(setup.plan, planned);
            let is_last = stretch.id == last.id && planned.number == target.number;
            if is_last && target.side == Side::Before {
                return Ok((chain, last, step));
            }
            let action = &planned.step.action;
            if advance::touches_machine(action) {
                let state = target.states.get(&(runner.clone(), planned.number));
                let state = state.ok_or_else(|| VisitError::NoState(Box::new(step.clone())))?;
                let record = records.get(state).cloned();
                let record = record.ok_or_else(|| VisitError::Gone(Box::new(step.clone())))?;
                let text = key::text(chain.text, &key::instruction(action));
                chain.accept(planned, step.clone(), text, record);
            } else {
                let values = KeyedValues {
                    secrets: &setup.secrets,
                    secret_key: setup.store.secret_key(),
                    built_ins: &setup.built_ins,
                    runner: &runner,
                };
                // What sets nothing in the machine is passed over.
                let _ = advance::set(&mut chain, action, values);
            }
            if is_last {
                return Ok((chain, last, step));
            }
        }
    }
    Err(missing())
}

/// The stretches that lead to the end of one, first to last.
fn way<'graph>(graph: &'graph StretchGraph, last: &'graph Stretch) -> Vec<&'graph Stretch> {
    let mut way = vec![last];
    while let Some(Start::After(source)) = way.last().map(|stretch| &stretch.start) {
        // A stretch comes after the one it starts from, so this ends.
        match graph.get(*source) {
            Some(stretch) => way.push(stretch),
            None => break,
        }
    }
    way.reverse();
    way
}

fn beginning(setup: &Setup<'_>, way: &[&Stretch]) -> Result<Chain, VisitError> {
    let image = match way.first().map(|stretch| &stretch.start) {
        Some(Start::Base(image)) => image.as_str(),
        Some(Start::After(_)) | None => "",
    };
    let bases = super::bases::Bases::default();
    let base = bases
        .get(image, &setup.options.images, setup.backend, setup.events)
        .map_err(VisitError::Machine)?;
    let layerfile = way.first().map(|stretch| stretch.layerfile);
    let memory_bytes =
        layerfile.and_then(|layerfile| memory_key(setup.plan, layerfile, setup.backend.keeps()));
    Ok(Chain::beginning(image, base, memory_bytes))
}

fn records(store: &Store) -> Result<HashMap<StateId, Record>, StoreError> {
    let all = store.index().view()?.all_records()?;
    Ok(all.into_iter().map(|record| (record.strong.id(), record)).collect())
}

fn name_of(setup: &Setup<'_>, stretch: &Stretch) -> String {
    runner_name(setup.plan, RunnerId { layerfile: stretch.layerfile, copy: stretch.copies.first })
}
