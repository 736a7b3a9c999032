//! `layerc plan` says what `layerc run` would do; here the two are held together, for every run of every test.

use crate::layerc::{Outcome, program};
use layerc_executor::cache::forecast::{Expected, Forecast, ForecastStep};
use layerc_executor::event::{Event, Reason, StepInfo};
use std::collections::BTreeSet;
use std::process::Command;

/// Options of `run` that `plan` has not, because they don't decide what runs; with a value or without.
const WITH_VALUE: &[&str] = &[
    "--format",
    "--jobs",
    "-j",
    "--events",
    "--report",
    "--network",
    "--limit",
    "--max-disk",
    "--cache-size",
    "--pull",
    "--registry-certificate",
    "--expose-wait",
    "--expose-port",
];
const WITHOUT_VALUE: &[&str] = &["--keep-going", "--accept-buttons", "--serve"];

/// Options under which a run does what no plan says.
const BEYOND_PLANS: &[&str] = &["--no-cache", "--resume", "--help"];

/// What `plan` said before a run.
#[derive(Debug)]
pub struct Said(Option<Outcome>);

impl Said {
    /// Asks for the forecast of a run that is about to begin.
    pub fn before(run: &Command) -> Self {
        Self(plan_command(run).map(|mut plan| Outcome::of(&mut plan)))
    }

    /// Compares it with what the run then did.
    ///
    /// # Panics
    /// When they disagree.
    pub fn compare(&self, events: &[Event]) {
        let Some(outcome) = &self.0 else { return };
        if !events.iter().any(|event| matches!(event, Event::RunStarted { .. })) {
            return;
        }
        assert!(outcome.status.success(), "no forecast of what runs: {}", outcome.everything());
        let forecast: Forecast = serde_json::from_str(&outcome.stdout).expect("a forecast");
        let found = disagreements(&forecast, events);
        assert!(found.is_empty(), "plan and run disagree:\n{}", found.join("\n"));
    }
}

/// The same command line with `plan` for `run`.
fn plan_command(run: &Command) -> Option<Command> {
    let mut words = run.get_args().map(|word| word.to_string_lossy().into_owned());
    if words.next().as_deref() != Some("run") {
        return None;
    }
    let mut plan = Command::new(program());
    plan.args(["plan", "--format", "forecast"]);
    while let Some(word) = words.next() {
        let name = word.split('=').next().unwrap_or_default();
        if BEYOND_PLANS.contains(&name) {
            return None;
        }
        if WITH_VALUE.contains(&name) {
            if !word.contains('=') {
                words.next();
            }
        } else if !WITHOUT_VALUE.contains(&name) {
            plan.arg(&word);
        }
    }
    for (name, value) in run.get_envs() {
        match value {
            Some(value) => plan.env(name, value),
            None => plan.env_remove(name),
        };
    }
    if let Some(directory) = run.get_current_dir() {
        plan.current_dir(directory);
    }
    Some(plan)
}

/// Where a run did something else than was forecast, a line each.
fn disagreements(forecast: &Forecast, events: &[Event]) -> Vec<String> {
    let runners = events.iter().find_map(|event| match event {
        Event::RunStarted { runners, .. } => Some(runners.as_slice()),
        _ => None,
    });
    let runners = runners.unwrap_or_default();
    let is_own = |runner: &str, step: &StepInfo| {
        runners.iter().any(|info| info.name == runner && info.layerfile == step.layerfile)
    };
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for event in events {
        let (runner, step) = match event {
            Event::StepCached { runner, step, .. } | Event::StepStarted { runner, step, .. } => {
                (runner, step)
            }
            _ => continue,
        };
        if let Event::StepStarted { reason: Reason::StateNeeded { .. }, .. } = event {
            found.extend(unforeseen_repetition(forecast, step));
        } else if is_own(runner, step) && told.insert((runner.clone(), step.number)) {
            let expected =
                forecast.steps.iter().find(|known| known.runner == *runner && known.step == *step);
            found.extend(disagreement(expected, event));
        }
    }
    found
}

fn disagreement(forecast: Option<&ForecastStep>, event: &Event) -> Option<String> {
    let agrees = match (forecast.map(|step| &step.expected), event) {
        (Some(Expected::Unknown { .. }), _)
        | (Some(Expected::Cached { .. }), Event::StepCached { .. })
        // What a step before it will have read, only running it tells; the same as ever, and a record answers after
        // all: an equal step's of this run, or one whose predecessor's was lost.
        | (Some(Expected::WillRun { reason: Reason::Follows { .. } }), Event::StepCached { .. }) => true,
        (Some(Expected::WillRun { reason }), Event::StepStarted { reason: actual, .. }) => {
            reason == actual
        }
        _ => false,
    };
    (!agrees).then(|| format!("forecast: {forecast:?}\nrun: {event:?}"))
}

/// A step whose record is good ran again for its state; the forecast must have said so.
fn unforeseen_repetition(forecast: &Forecast, step: &StepInfo) -> Option<String> {
    let mut forecasts = forecast.steps.iter().filter(|known| known.step == *step);
    let is_foreseen =
        forecasts.any(|known| !matches!(known.expected, Expected::Cached { again: None, .. }));
    (!is_foreseen).then(|| format!("ran again, unforeseen: {step:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_asked_about_with_its_own_conditions() {
        let mut run = Command::new("layerc");
        run.args(["run", "--format", "json", "--jobs=1", "--store", "s", "--keep-going", "here"]);
        run.env("A", "b").current_dir("/");
        let plan = plan_command(&run).expect("a command");
        let words: Vec<_> = plan.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(words, ["plan", "--format", "forecast", "--store", "s", "here"]);
        assert_eq!((plan.get_envs().count(), plan.get_current_dir()), (1, run.get_current_dir()));
        assert!(plan_command(Command::new("layerc").args(["run", "--no-cache"])).is_none());
    }
}
