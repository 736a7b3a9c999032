//! Runs a scenario and compares: after every batch of edits, the run that has a store against one that has none.

use crate::scenario::Scenario;
use layerc_executor::event::Event;
use layerc_tests::workflow::{Ran, Workflow, run_command};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a machine ended, as text that two runs can be compared by.
fn final_state(scenario: &Scenario, repository: &Path, store: &Path) -> Result<String, String> {
    // Another value each time, in the whole process: the manifest is never served from a cache.
    static RUN: AtomicU64 = AtomicU64::new(0);
    let nonce = format!("nonce-{}-{}", std::process::id(), RUN.fetch_add(1, Ordering::Relaxed));
    let ran = Ran::of(run_command(repository, store).env("LAYERC_SECRET_NONCE", &nonce));
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
pub(crate) fn check(scenario: &Scenario) -> Result<usize, String> {
    let layerfiles = scenario.layerfiles();
    let files: Vec<(&str, &str)> =
        layerfiles.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let workflow = Workflow::with(&files);
    let repository = &workflow.repository;
    std::fs::create_dir_all(repository.join("tree")).unwrap();
    scenario.tree.iter().for_each(|edit| edit.apply(repository));
    final_state(scenario, repository.path(), workflow.store())?;
    for (number, batch) in scenario.batches.iter().enumerate() {
        batch.iter().for_each(|edit| edit.apply(repository));
        let cached = final_state(scenario, repository.path(), workflow.store())?;
        let scratch = tempfile::tempdir().unwrap();
        let fresh = final_state(scenario, repository.path(), scratch.path())?;
        if cached != fresh {
            return Err(format!(
                "run {} differs from a run from scratch:\n{}",
                number + 2,
                difference(&cached, &fresh)
            ));
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
