//! How long steps took in earlier runs of the repository: what the live view's estimate is made from.

use layerc_executor::event::{Event, StepInfo, StepResult};
use layerc_executor::store::Store;
use layerc_executor::store::history::History;
use std::collections::HashMap;
use std::path::Path;

/// Runs that are looked at, newest first.
const MOST_RUNS: usize = 5;

/// Largest file of events that is looked at: a view must not make the run wait.
const LARGEST_EVENTS_BYTES: u64 = 4 << 20;

/// What a step is taken to need that nothing is known of.
const UNKNOWN_MS: u64 = 1_000;

/// Durations by runner, number and text of the step. The newest success counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Estimates {
    by_runner: HashMap<String, HashMap<u32, (String, u64)>>,
}

impl Estimates {
    /// From the records of a store. What can't be read is not known.
    pub(super) fn of(store: &Store, repository: &Path) -> Self {
        let mut estimates = Self::default();
        let runs = History::of(store).runs().unwrap_or_default();
        let here = runs.iter().filter(|run| Path::new(&run.header().repository) == repository);
        for run in here.take(MOST_RUNS).filter(|run| run.events_bytes() <= LARGEST_EVENTS_BYTES) {
            for timed in run.events().into_iter().flatten() {
                estimates.learn(&timed.event);
            }
        }
        estimates
    }

    fn learn(&mut self, event: &Event) {
        let (runner, step, milliseconds) = match event {
            Event::StepCached { runner, step, saved_ms, .. } => (runner, step, saved_ms),
            Event::StepFinished {
                runner, step, result: StepResult::Success, duration_ms, ..
            } => (runner, step, duration_ms),
            _ => return,
        };
        let steps = self.by_runner.entry(runner.clone()).or_default();
        steps.entry(step.number).or_insert_with(|| (step.text.clone(), *milliseconds));
    }

    /// How long a step took.
    pub(super) fn step(&self, runner: &str, step: &StepInfo) -> Option<u64> {
        let (text, milliseconds) = self.by_runner.get(runner)?.get(&step.number)?;
        (*text == step.text).then_some(*milliseconds)
    }

    /// How long the steps of a runner behind one took together, if anything is known of the runner.
    pub(super) fn behind(&self, runner: &str, number: u32) -> Option<u64> {
        let steps = self.by_runner.get(runner)?.iter();
        Some(steps.filter(|(other, _)| **other > number).map(|(_, (_, time))| time).sum())
    }

    /// How long a step takes on average.
    pub(super) fn typical_ms(&self) -> u64 {
        let all = self.by_runner.values().flat_map(|steps| steps.values().map(|(_, time)| *time));
        let (count, sum) = all.fold((0_u64, 0_u64), |(count, sum), time| (count + 1, sum + time));
        sum.checked_div(count).map_or(UNKNOWN_MS, |mean| mean.max(1))
    }
}
