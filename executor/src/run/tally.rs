//! Counts what each runner did, for the summary at the end.

use crate::engine::{RunnerId, RunnerState};
use crate::event::{FirstMiss, Reason, RunnerSummary};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Default)]
struct Tally {
    steps_run: u32,
    steps_cached: u32,
    worked: Duration,
    first_miss: Option<FirstMiss>,
}

/// Whether the step ran only because its state had not been kept: what needed that state says more.
fn is_repeated(miss: &FirstMiss) -> bool {
    matches!(miss.reason, Reason::StateNeeded { .. })
}

/// The counts of all runners, by name.
#[derive(Default)]
pub(super) struct Tallies {
    by_name: Mutex<HashMap<String, Tally>>,
}

impl Tallies {
    fn change(&self, runner: &str, change: impl FnOnce(&mut Tally)) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        change(by_name.entry(runner.to_owned()).or_default());
    }

    /// A step was skipped.
    pub(super) fn cached(&self, runner: &str) {
        self.change(runner, |tally| tally.steps_cached += 1);
    }

    /// A step runs.
    pub(super) fn runs(&self, runner: &str, miss: FirstMiss) {
        self.change(runner, |tally| {
            tally.steps_run += 1;
            match &tally.first_miss {
                Some(first) if !is_repeated(first) || is_repeated(&miss) => {}
                Some(_) | None => tally.first_miss = Some(miss),
            }
        });
    }

    /// A runner worked for this long.
    pub(super) fn worked(&self, runner: &str, time: Duration) {
        self.change(runner, |tally| tally.worked += time);
    }

    /// One line for every runner.
    pub(super) fn summary(
        &self,
        name_of: impl Fn(RunnerId) -> String,
        runners: &BTreeMap<RunnerId, RunnerState>,
    ) -> Vec<RunnerSummary> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let summarise = |(runner, state): (&RunnerId, &RunnerState)| {
            let name = name_of(*runner);
            let Tally { steps_run, steps_cached, worked, first_miss } =
                by_name.remove(&name).unwrap_or_default();
            let duration_ms = u64::try_from(worked.as_millis()).unwrap_or(u64::MAX);
            RunnerSummary { name, state: *state, steps_run, steps_cached, duration_ms, first_miss }
        };
        runners.iter().map(summarise).collect()
    }
}
