//! What the store tells the editor about a plan: the same as `layerc plan`, and how long steps took in past runs.
//!
//! Answers are kept for a moment, because an editor asks again whenever it scrolls.

use crate::configuration::Configuration;
use crate::run::{Conditions, forecast};
use crate::store_directory::store_directory;
use layerc_executor::event::{Event, StepResult};
use layerc_executor::store::Store;
use layerc_executor::store::history::History;
use layerc_lsp::forecast::{StepFacts, StepForecast};
use layerc_planner::codec::encode;
use layerc_planner::plan::{Node, Plan};
use layerc_planner::render::StepAnnotations;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(2);

/// Directory of a store with what is decided from.
const RECORDS: &str = "index";

/// Past runs that are looked at, the newest ones.
const RUNS: usize = 20;

/// Path of the Layerfile and text of a step, and how long it took.
type Durations = BTreeMap<(String, String), Vec<u64>>;

/// The store's answers.
#[derive(Debug, Default)]
pub(super) struct Outlooks {
    latest: Mutex<Option<Answer>>,
}

#[derive(Debug)]
struct Answer {
    repository: PathBuf,
    plan: Arc<Plan>,
    /// The same, to compare with a plan that was made anew of what may be the same Layerfiles.
    bytes: Vec<u8>,
    given: Instant,
    facts: Arc<[StepFacts]>,
}

impl Answer {
    /// Whether it is about this repository, and counts still.
    fn counts(&self, repository: &Path) -> bool {
        self.repository == repository && self.given.elapsed() < FRESH
    }
}

impl StepForecast for Outlooks {
    fn forecast(&self, repository: &Path, plan: &Arc<Plan>) -> Arc<[StepFacts]> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = latest.take().filter(|answer| answer.counts(repository));
        if let Some(answer) = kept.as_ref().filter(|answer| Arc::ptr_eq(&answer.plan, plan)) {
            let facts = Arc::clone(&answer.facts);
            *latest = kept;
            return facts;
        }
        let Ok(bytes) = encode(plan) else { return Arc::default() };
        let (given, facts) = match kept.filter(|answer| answer.bytes == bytes) {
            Some(answer) => (answer.given, answer.facts),
            None => (Instant::now(), facts(repository, plan).unwrap_or_default().into()),
        };
        let (repository, plan) = (repository.to_owned(), Arc::clone(plan));
        *latest = Some(Answer { repository, plan, bytes, given, facts: Arc::clone(&facts) });
        facts
    }
}

impl Outlooks {
    /// Asks the store again next time.
    pub(super) fn forget(&self) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Where the records of a repository's runs are: every step that ran writes something there.
pub(super) fn records(repository: &Path) -> Option<PathBuf> {
    let (_, directory) = configured(repository)?;
    Some(directory.join(RECORDS))
}

/// The configuration of a repository, and the store that it leads to.
fn configured(repository: &Path) -> Option<(Configuration, PathBuf)> {
    let configuration = Configuration::read(repository).ok()?;
    let directory = store_directory(None, configuration.run.store.as_deref()).ok()?;
    Some((configuration, directory))
}

/// `None` where there is no store, or it can't be read: the editor then simply shows nothing.
fn facts(repository: &Path, plan: &Plan) -> Option<Vec<StepFacts>> {
    let (configuration, directory) = configured(repository)?;
    if !directory.join(RECORDS).is_dir() {
        return None;
    }
    let conditions = Conditions::default();
    let annotations =
        forecast::annotations(plan, repository, &configuration, &conditions).unwrap_or_default();
    let durations = durations(&directory, repository).unwrap_or_default();
    let nodes = plan.graph.node_weights().zip(0..);
    Some(
        nodes
            .filter_map(|(node, index)| step(plan, node, index, &annotations, &durations))
            .collect(),
    )
}

fn step(
    plan: &Plan,
    node: &Node,
    index: u32,
    annotations: &StepAnnotations,
    durations: &Durations,
) -> Option<StepFacts> {
    let Node::Step(step) = node else { return None };
    let outlook = annotations.get(&index).cloned();
    let path = plan.layerfile(step.layerfile)?.path.as_str().to_owned();
    let past = durations.get(&(path, step.text.clone())).cloned().unwrap_or_default();
    let known = outlook.is_some() || !past.is_empty();
    known.then_some(StepFacts { node: index, outlook, past_milliseconds: past })
}

/// How long the steps of a repository took in its newest runs, oldest first.
fn durations(store: &Path, repository: &Path) -> Option<Durations> {
    let store = Store::open_to_look(store).ok()?;
    let runs = History::of(&store).runs().ok()?.into_iter();
    let runs = runs.filter(|run| Path::new(&run.header().repository) == repository).take(RUNS);
    let mut durations = Durations::new();
    for run in runs {
        for timed in run.events().ok()? {
            if let Event::StepFinished { step, result: StepResult::Success, duration_ms, .. } =
                timed.event
            {
                durations.entry((step.layerfile, step.text)).or_default().insert(0, duration_ms);
            }
        }
    }
    Some(durations)
}
