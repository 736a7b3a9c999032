//! Runs a scenario and compares: after every batch of edits, the run that has a store against one that has none.

use crate::scenario::Scenario;
use layerc_executor::event::Event;
use layerc_tests::workflow::{Ran, Workflow, run_command};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether a run may skip what its store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    Used,
    Refused,
}

/// Every so many comparisons the store of the run from scratch is a new one.
const NEW_STORE_EVERY: u64 = 10;

/// Where runs from scratch take place. Mostly in one store that keeps nothing but the base image from run to run,
/// which takes as long to make ready as everything else; now and then in an empty one.
#[derive(Debug)]
pub(crate) struct Scratch {
    store: tempfile::TempDir,
    runs: u64,
}

impl Scratch {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self { store: tempfile::tempdir().unwrap(), runs: 0 }
    }

    fn final_state(&mut self, scenario: &Scenario, repository: &Path) -> Result<String, String> {
        self.runs += 1;
        if self.runs.is_multiple_of(NEW_STORE_EVERY) {
            let store = tempfile::tempdir().unwrap();
            return final_state(scenario, repository, store.path(), Knowledge::Used);
        }
        final_state(scenario, repository, self.store.path(), Knowledge::Refused)
    }
}

/// How a machine ended, as text that two runs can be compared by.
fn final_state(
    scenario: &Scenario,
    repository: &Path,
    store: &Path,
    knowledge: Knowledge,
) -> Result<String, String> {
    // Another value each time, in the whole process: the manifest is never served from a cache.
    static RUN: AtomicU64 = AtomicU64::new(0);
    let nonce = format!("nonce-{}-{}", std::process::id(), RUN.fetch_add(1, Ordering::Relaxed));
    let mut command = run_command(repository, store);
    if knowledge == Knowledge::Refused {
        command.arg("--no-cache");
    }
    let ran = Ran::of(command.env("LAYERC_SECRET_NONCE", &nonce));
    match ran.outcome.code() {
        0 => manifest(scenario, &ran),
        // A file that COPY names is gone, or its pattern matches nothing: both runs must say so, in the same words.
        1..=3 => Ok(format!("no manifest:\n{}", complaints(&ran))),
        code => Err(format!("exit code {code}\n{}", ran.outcome.everything())),
    }
}

/// What the runners failed of; without events, what was said instead of running.
fn complaints(ran: &Ran) -> String {
    let mut texts = Vec::new();
    for event in &ran.events {
        if let Event::RunnerFailed { runner, text } = event {
            texts.push(format!("{runner}: {text}"));
        }
    }
    if texts.is_empty() { ran.outcome.stderr.clone() } else { texts.join("\n") }
}

/// What the last instruction printed.
fn manifest(scenario: &Scenario, ran: &Ran) -> Result<String, String> {
    let printed = ran.printed(scenario.last_runner());
    if printed.contains("V=") {
        Ok(printed)
    } else {
        Err(format!("no manifest\n{}", ran.outcome.everything()))
    }
}

/// Checks one scenario; the number of comparisons, or what is wrong.
pub(crate) fn check(scenario: &Scenario, scratch: &mut Scratch) -> Result<usize, String> {
    let layerfiles = scenario.layerfiles();
    let files: Vec<(&str, &str)> =
        layerfiles.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let workflow = Workflow::with(&files);
    let repository = &workflow.repository;
    std::fs::create_dir_all(repository.join("tree")).unwrap();
    scenario.tree.iter().for_each(|edit| edit.apply(repository));
    final_state(scenario, repository.path(), workflow.store(), Knowledge::Used)?;
    for (number, batch) in scenario.batches.iter().enumerate() {
        batch.iter().for_each(|edit| edit.apply(repository));
        let cached = final_state(scenario, repository.path(), workflow.store(), Knowledge::Used)?;
        let fresh = scratch.final_state(scenario, repository.path())?;
        if cached != fresh {
            let again = scratch.final_state(scenario, repository.path())?;
            let what = if again == fresh {
                "differs from a run from scratch"
            } else {
                "has steps that are not deterministic"
            };
            return Err(format!("run {} {what}:\n{}", number + 2, difference(&cached, &fresh)));
        }
    }
    Ok(scenario.batches.len())
}

/// The lines that only one of the two has.
fn difference(cached: &str, fresh: &str) -> String {
    let only = |left: &str, right: &str, who: &str| -> String {
        let others: Vec<&str> = right.lines().collect();
        left.lines()
            .filter(|line| !others.contains(line))
            .map(|line| format!("  {who}: {line}\n"))
            .collect()
    };
    only(cached, fresh, "cached ") + &only(fresh, cached, "scratch")
}
