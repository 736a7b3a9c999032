//! Says of every step of a plan what a run would do with it now, without running anything.
//!
//! Walks the same stretches by the same rule as a run and stops being sure where only a run can know: at a base image
//! that isn't ready, at a value that isn't looked up for a forecast, and where equal steps of two runners meet.

use super::advance::{self, Advanced, KeyedValues};
use super::memory::memory_key;
use super::{Answers, Chain, Link, Lookup, key, look_up};
use crate::backend::{BaseImage, Keeps, LayerId};
use crate::engine::RunnerId;
use crate::engine::stretch::{Start, Stretch, StretchError, StretchGraph, StretchId, StretchStep};
use crate::event::{Reason, StepInfo};
use crate::repository_view::RepositoryView;
use crate::run::skip;
use crate::secrets::Secrets;
use crate::store::record::{NotTaken, Record, Snapshot, WeakKey};
use crate::store::{Store, StoreError};
use crate::variables::BuiltIns;
use layerc_planner::plan::{Action, Plan};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// What a run would do, step by step: each runner's own steps that touch a machine, in the plan's order. What several
/// copies share is there once, under the first copy's name, as in events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// See the type.
    pub steps: Vec<ForecastStep>,
}

/// A step that is ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastStep {
    /// Its node in the plan.
    pub node: u32,
    /// Whose.
    pub runner: String,
    /// Which.
    pub step: StepInfo,
    /// What would become of it.
    pub expected: Expected,
}

/// What would become of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Expected {
    /// It would be skipped: a record answers for it.
    Cached {
        /// How long it had taken.
        saved_ms: u64,
        /// Why it would run all the same: the state behind it is needed and wasn't kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<String>,
    },
    /// It would run.
    WillRun {
        /// Why.
        reason: Reason,
    },
    /// Only a run can tell.
    Unknown {
        /// Why.
        cause: String,
    },
    /// SKIP REMAINING IF would end its Layerfile before it.
    LeftOut,
}

impl Forecast {
    /// By node of the plan, all copies together: what runs for one copy runs.
    pub fn by_node(&self) -> BTreeMap<u32, &Expected> {
        let rank = |expected: &Expected| match expected {
            Expected::WillRun { .. } => 3,
            Expected::Unknown { .. } => 2,
            Expected::Cached { .. } => 1,
            Expected::LeftOut => 0,
        };
        let mut nodes: BTreeMap<u32, &Expected> = BTreeMap::new();
        for step in &self.steps {
            let told = nodes.entry(step.node).or_insert(&step.expected);
            if rank(&step.expected) > rank(told) {
                *told = &step.expected;
            }
        }
        nodes
    }
}

/// What a forecast is made from.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it holds trait objects")]
pub struct Known<'run> {
    /// The plan.
    pub plan: &'run Plan,
    /// The store.
    pub store: &'run Store,
    /// The repository.
    pub repository: &'run dyn RepositoryView,
    /// Values of secrets, as far as they are known. What hangs on others is unknown.
    pub secrets: &'run Secrets,
    /// Built-in variables.
    pub built_ins: &'run BuiltIns,
    /// The base images that are ready, by name. What starts from others is unknown.
    pub bases: &'run BTreeMap<String, Arc<BaseImage>>,
    /// What the backend keeps.
    pub keeps: Keeps,
    /// Whether a frozen layer is still there.
    pub has_layer: &'run dyn Fn(&LayerId) -> bool,
}

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum ForecastError {
    /// The plan is damaged.
    #[error(transparent)]
    Plan(#[from] StretchError),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The forecast of every step that touches a machine.
///
/// # Errors
/// When the plan is damaged or the store can't be read.
pub fn forecast(known: &Known<'_>) -> Result<Forecast, ForecastError> {
    let graph = StretchGraph::new(known.plan)?;
    let mut walk = Walk::new(known, HashSet::new())?;
    walk.all(&graph)?;
    let shared: HashSet<WeakKey> =
        walk.missed.iter().filter(|(_, count)| **count > 1).map(|(weak, _)| *weak).collect();
    if !shared.is_empty() {
        walk = Walk::new(known, shared)?;
        walk.all(&graph)?;
    }
    Ok(walk.forecast)
}

/// What is ahead of a runner.
#[derive(Clone)]
enum Ahead {
    /// A state that records lead to.
    Known(Box<Chain>),
    /// A step behind it would run, for which everything from here on does.
    Runs(Reason),
    /// Nobody knows.
    Unknown(String),
}

/// The end of a stretch.
#[derive(Clone)]
struct End {
    ahead: Ahead,
    course: Course,
}

/// Whether a stretch goes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Whole,
    /// SKIP REMAINING IF ended it.
    Skipped,
}

struct Walk<'run> {
    known: &'run Known<'run>,
    /// Whether the store has no record at all.
    nothing_recorded: bool,
    /// Questions that several runners would ask in vain: the first of them answers for the others.
    shared: HashSet<WeakKey>,
    /// How often each question was asked in vain.
    missed: HashMap<WeakKey, u32>,
    ends: HashMap<StretchId, End>,
    forecast: Forecast,
}

impl<'run> Walk<'run> {
    fn new(known: &'run Known<'run>, shared: HashSet<WeakKey>) -> Result<Self, StoreError> {
        Ok(Self {
            known,
            nothing_recorded: known.store.index().view()?.is_empty()?,
            shared,
            missed: HashMap::new(),
            ends: HashMap::new(),
            forecast: Forecast::default(),
        })
    }

    fn all(&mut self, graph: &StretchGraph) -> Result<(), StoreError> {
        for stretch in &graph.stretches {
            let end = match self.skipped_before(graph, stretch) {
                Some(end) => {
                    stretch.steps.iter().for_each(|planned| self.left_out(stretch, planned));
                    end
                }
                None => self.stretch(stretch)?,
            };
            self.ends.insert(stretch.id, end);
        }
        Ok(())
    }

    /// The state that goes on where SKIP REMAINING IF ended the stretch before, of the same Layerfile.
    fn skipped_before(&self, graph: &StretchGraph, stretch: &Stretch) -> Option<End> {
        let Start::After(source) = stretch.start else { return None };
        let is_same = graph.get(source).is_some_and(|other| other.layerfile == stretch.layerfile);
        let end = self.ends.get(&source)?;
        (is_same && end.course == Course::Skipped).then(|| end.clone())
    }

    fn beginning(&self, stretch: &Stretch) -> Ahead {
        let mut ahead = match &stretch.start {
            Start::Base(image) => match self.base(image) {
                Some(base) => {
                    let memory_bytes =
                        memory_key(self.known.plan, stretch.layerfile, self.known.keeps);
                    Ahead::Known(Box::new(Chain::beginning(image, base, memory_bytes)))
                }
                None => Ahead::Unknown(format!(
                    "the base image `{image}` is not here yet, and what it is decides; `layerc image build {image}` gets it"
                )),
            },
            Start::After(source) => match self.ends.get(source) {
                Some(end) => end.ahead.clone(),
                None => Ahead::Unknown("what it starts from is not in the plan".to_owned()),
            },
        };
        if let (Ahead::Known(chain), Some(fork)) = (&mut ahead, stretch.fork) {
            advance::enter_copy(chain, fork, self.known.store.run().id());
        }
        ahead
    }

    /// An image by its name. Where nothing was recorded yet, one that isn't ready is as good as any other: whatever it
    /// turns out to be, no record answers.
    fn base(&self, image: &str) -> Option<Arc<BaseImage>> {
        let stand_in = || {
            self.nothing_recorded.then(|| {
                Arc::new(BaseImage {
                    identity: [0; 32],
                    directories: Vec::new(),
                    notes: Vec::new(),
                    environment: BTreeMap::new(),
                })
            })
        };
        self.known.bases.get(image).map(Arc::clone).or_else(stand_in)
    }

    fn stretch(&mut self, stretch: &Stretch) -> Result<End, StoreError> {
        let runner = name_of(self.known.plan, stretch);
        let mut ahead = self.beginning(stretch);
        let mut course = Course::Whole;
        for planned in &stretch.steps {
            let action = &planned.step.action;
            if course == Course::Skipped {
                self.left_out(stretch, planned);
            } else if let Action::SkipIf { conditions } = action {
                match skip::holds(conditions, |name| self.known.built_ins.value(name, &runner)) {
                    Ok(true) => course = Course::Skipped,
                    Ok(false) => {}
                    Err(text) => ahead = Ahead::Unknown(text),
                }
            } else if advance::touches_machine(action) {
                ahead = self.step(stretch, planned, ahead)?;
            } else {
                self.set(action, &runner, &mut ahead);
            }
        }
        Ok(End { ahead, course })
    }

    /// An instruction that only sets something.
    fn set(&self, action: &Action, runner: &str, ahead: &mut Ahead) {
        let Ahead::Known(chain) = ahead else { return };
        let Known { secrets, built_ins, store, .. } = *self.known;
        if let Action::SecretEnv { names } = action
            && let Some(name) = names.iter().find(|name| secrets.value(name).is_none())
        {
            *ahead =
                Ahead::Unknown(format!("the value of the secret `{name}` is not looked up here"));
            return;
        }
        let values = KeyedValues { secrets, secret_key: store.secret_key(), built_ins, runner };
        match advance::set(chain, action, values) {
            Advanced::Yes => {}
            Advanced::No => *ahead = Ahead::Unknown("an instruction can't run here".to_owned()),
        }
    }

    fn step(
        &mut self,
        stretch: &Stretch,
        planned: &StretchStep,
        ahead: Ahead,
    ) -> Result<Ahead, StoreError> {
        let mut chain = match ahead {
            Ahead::Known(chain) => chain,
            Ahead::Runs(reason) => {
                self.tell(stretch, planned, Expected::WillRun { reason: reason.clone() });
                return Ok(Ahead::Runs(reason));
            }
            Ahead::Unknown(cause) => {
                self.tell(stretch, planned, Expected::Unknown { cause: cause.clone() });
                return Ok(Ahead::Unknown(cause));
            }
        };
        if let Action::Clone { url, .. } = &planned.step.action {
            let cause = format!("what `{url}` holds today is asked when it is run");
            self.tell(stretch, planned, Expected::Unknown { cause: cause.clone() });
            return Ok(Ahead::Unknown(cause));
        }
        let instruction = key::instruction(&planned.step.action);
        let question = Answers {
            weak: key::step(chain.strong, &instruction),
            text: key::text(chain.text, &instruction),
            keyed: &chain.keyed,
            number: planned.number,
            except: chain.except,
        };
        let (weak, text) = (question.weak, question.text);
        let view = self.known.store.index().view()?;
        match look_up(&view, self.known.repository, &question)? {
            Lookup::Hit(record) => {
                let saved_ms = record.milliseconds;
                self.tell(stretch, planned, Expected::Cached { saved_ms, again: None });
                chain.accept(planned, info(self.known.plan, planned), text, *record);
                Ok(Ahead::Known(chain))
            }
            Lookup::Miss(reason) => {
                self.again(&chain);
                *self.missed.entry(weak).or_default() += 1;
                if self.shared.contains(&weak) && chain.except.is_none() {
                    let cause = "an equal step of another runner may run first and answer for it"
                        .to_owned();
                    self.tell(stretch, planned, Expected::Unknown { cause: cause.clone() });
                    return Ok(Ahead::Unknown(cause));
                }
                self.tell(stretch, planned, Expected::WillRun { reason });
                let StepInfo { number, layerfile, .. } = info(self.known.plan, planned);
                Ok(Ahead::Runs(Reason::Follows { number, layerfile }))
            }
        }
    }

    /// The state behind this chain is needed: steps behind the last one that was kept would run again.
    fn again(&mut self, chain: &Chain) {
        let (kept, _) = chain.restorable(self.known.has_layer);
        for link in chain.links.get(kept..).unwrap_or_default() {
            let cause = not_kept(&link.snapshot);
            for step in self.forecast.steps.iter_mut().filter(|step| step.step == link.info) {
                if let Expected::Cached { again, .. } = &mut step.expected {
                    *again = Some(cause.clone());
                }
            }
        }
    }

    fn left_out(&mut self, stretch: &Stretch, planned: &StretchStep) {
        if advance::touches_machine(&planned.step.action) {
            self.tell(stretch, planned, Expected::LeftOut);
        }
    }

    fn tell(&mut self, stretch: &Stretch, planned: &StretchStep, expected: Expected) {
        self.forecast.steps.push(ForecastStep {
            node: planned.node,
            runner: name_of(self.known.plan, stretch),
            step: info(self.known.plan, planned),
            expected,
        });
    }
}

/// Why the state behind a known step can't be restored.
pub(crate) fn not_kept(snapshot: &Snapshot) -> String {
    match snapshot {
        Snapshot::NotTaken(NotTaken::ProcessesAlive(names)) => {
            format!("processes live on ({})", names.join(", "))
        }
        Snapshot::NotTaken(NotTaken::Forbidden) => "CHECKPOINT disabled".to_owned(),
        Snapshot::NotTaken(NotTaken::Cheap) => "it takes less than keeping its state".to_owned(),
        Snapshot::NotTaken(NotTaken::Secret) => {
            "a machine that knows a secret is not kept without a key for the store".to_owned()
        }
        Snapshot::Taken(_) => "its files are not in the store any more".to_owned(),
    }
}

fn name_of(plan: &Plan, stretch: &Stretch) -> String {
    runner_name(plan, RunnerId { layerfile: stretch.layerfile, copy: stretch.copies.first })
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
        let mut walk = Walk::new(self, HashSet::new()).unwrap();
        walk.all(&graph).unwrap();
        let last = graph.stretches.iter().filter(|stretch| stretch.is_last);
        let ahead =
            last.filter_map(|stretch| walk.ends.get(&stretch.id).map(|end| end.ahead.clone()));
        let known = ahead.filter_map(|ahead| match ahead {
            Ahead::Known(chain) => Some(*chain),
            Ahead::Runs(_) | Ahead::Unknown(_) => None,
        });
        known.collect()
    }
}
