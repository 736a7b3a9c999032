//! Says of every step of a plan whether a run would skip it now, without running anything.

use super::advance::{self, Advanced, KeyedValues};
use super::{Answers, Chain, Link, Lookup, key, look_up};
use crate::backend::BaseImage;
use crate::engine::RunnerId;
use crate::engine::stretch::{Start, Stretch, StretchError, StretchGraph, StretchId, StretchStep};
use crate::event::{Reason, StepInfo};
use crate::repository_view::RepositoryView;
use crate::secrets::Secrets;
use crate::store::record::Record;
use crate::store::{Store, StoreError};
use crate::variables::BuiltIns;
use layerc_planner::plan::{Action, Plan};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a run would do with a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forecast {
    /// Skip it, for all copies.
    Cached,
    /// Run it, for at least one copy.
    WillRun(Reason),
}

/// What a forecast is made from.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it holds a trait object")]
pub struct Known<'run> {
    /// The plan.
    pub plan: &'run Plan,
    /// The store.
    pub store: &'run Store,
    /// The repository.
    pub repository: &'run dyn RepositoryView,
    /// Values of secrets, as far as they are known.
    pub secrets: &'run Secrets,
    /// Built-in variables.
    pub built_ins: &'run BuiltIns,
    /// The base images that are ready, by name. Steps on others will run.
    pub bases: &'run BTreeMap<String, Arc<BaseImage>>,
}

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum AnnotateError {
    /// The plan is damaged.
    #[error(transparent)]
    Plan(#[from] StretchError),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A state that records lead to, or why a step on the way would run.
type Reached = Result<Chain, Reason>;

/// What is reached at the end of each stretch.
type Ends = HashMap<StretchId, Reached>;

/// The forecast of every step that touches a machine, by node of the plan.
///
/// # Errors
/// When the plan is damaged or the store can't be read.
pub fn annotate(known: &Known<'_>) -> Result<BTreeMap<u32, Forecast>, AnnotateError> {
    let graph = StretchGraph::new(known.plan)?;
    let mut forecasts = BTreeMap::new();
    let mut ends: Ends = HashMap::new();
    for stretch in &graph.stretches {
        let chain =
            walk(known, stretch, starting_chain(known, stretch, &ends), |planned, found| {
                let forecast = match found {
                    Lookup::Hit(_) => Forecast::Cached,
                    Lookup::Miss(reason) => Forecast::WillRun(reason.clone()),
                };
                if forecast != Forecast::Cached || !forecasts.contains_key(&planned.node) {
                    forecasts.insert(planned.node, forecast);
                }
            })?;
        ends.insert(stretch.id, chain);
    }
    Ok(forecasts)
}

fn starting_chain(known: &Known<'_>, stretch: &Stretch, ends: &Ends) -> Reached {
    let mut chain = match &stretch.start {
        Start::Base(image) => {
            Chain::new(image, Arc::clone(known.bases.get(image).ok_or(Reason::New)?))
        }
        Start::After(source) => ends.get(source).cloned().unwrap_or(Err(Reason::New))?,
    };
    if let Some(fork) = stretch.fork {
        advance::enter_copy(&mut chain, fork, known.store.run().id());
    }
    Ok(chain)
}

/// Walks a stretch as long as records answer.
fn walk(
    known: &Known<'_>,
    stretch: &Stretch,
    mut chain: Reached,
    mut found: impl FnMut(&StretchStep, &Lookup),
) -> Result<Reached, StoreError> {
    let runner = runner_name(
        known.plan,
        RunnerId { layerfile: stretch.layerfile, copy: stretch.copies.first },
    );
    let view = known.store.index().view()?;
    for planned in &stretch.steps {
        let action = &planned.step.action;
        if !matches!(action, Action::Run { .. } | Action::Copy { .. } | Action::Env { .. }) {
            let Known { secrets, built_ins, store, .. } = *known;
            let values =
                KeyedValues { secrets, secret_key: store.secret_key(), built_ins, runner: &runner };
            if let Ok(chain) = &mut chain {
                let _: Advanced = advance::set(chain, action, values);
            }
            continue;
        }
        let current = match &mut chain {
            Ok(current) => current,
            Err(reason) => {
                found(planned, &Lookup::Miss(reason.clone()));
                continue;
            }
        };
        let instruction = key::instruction(action);
        let question = Answers {
            weak: key::step(current.strong, &instruction),
            text: key::text(current.text, &instruction),
            keyed: &current.keyed,
            number: planned.number,
            except: current.except,
        };
        let lookup = look_up(&view, known.repository, &question)?;
        found(planned, &lookup);
        match lookup {
            Lookup::Hit(record) => {
                current.accept(planned, info(known.plan, planned), question.text, *record);
            }
            Lookup::Miss(_) => chain = Err(follows(known.plan, planned)),
        }
    }
    Ok(chain)
}

fn follows(plan: &Plan, first: &StretchStep) -> Reason {
    let StepInfo { number, layerfile, .. } = info(plan, first);
    Reason::Follows { number, layerfile }
}

/// A step's name in events.
pub(crate) fn info(plan: &Plan, planned: &StretchStep) -> StepInfo {
    StepInfo {
        layerfile: plan
            .layerfile(planned.step.layerfile)
            .map(|file| file.path.to_string())
            .unwrap_or_default(),
        line: planned.step.line,
        number: planned.number,
        text: planned.step.text.clone(),
    }
}

/// The name of a runner: the Layerfile's, numbered from the second copy on.
pub(crate) fn runner_name(plan: &Plan, runner: RunnerId) -> String {
    let name = plan.layerfile(runner.layerfile).map_or("", |file| &file.runner_name);
    if runner.copy == 0 { name.to_owned() } else { format!("{name}-{}", runner.copy + 1) }
}

impl Chain {
    /// Moves on over a step that a record answers for.
    pub(crate) fn accept(
        &mut self,
        planned: &StretchStep,
        info: StepInfo,
        text: crate::store::record::TextKey,
        record: Record,
    ) {
        let before = Arc::clone(&self.state);
        let step = Arc::clone(&planned.step);
        self.links.push(Arc::new(Link::of_record(
            record.weak,
            record.strong,
            step,
            info,
            before,
            record.snapshot,
        )));
        self.strong = record.strong;
        self.text = text;
        self.state = Arc::new(record.state);
    }
}

#[cfg(test)]
impl Known<'_> {
    /// The records behind every stretch that is wholly cached.
    pub(crate) fn final_chains(&self) -> Vec<Chain> {
        let graph = StretchGraph::new(self.plan).unwrap();
        let mut ends = HashMap::new();
        let mut finals = Vec::new();
        for stretch in &graph.stretches {
            let chain =
                walk(self, stretch, starting_chain(self, stretch, &ends), |_, _| {}).unwrap();
            if stretch.is_last {
                finals.extend(chain.clone().ok());
            }
            ends.insert(stretch.id, chain);
        }
        finals
    }
}
