//! The run that is interrupted: steps over a base, a copied file, a child and a split, in a store that has already
//! seen other runs. And what must hold afterwards.

use layerc_tests::layerc::{Outcome, program};
use layerc_tests::workflow::{Ran, Workflow};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `layerc run` finds the value of the secret.
const LOOK: &str = "LAYERC_SECRET_LOOK";

const LAYERFILES: &[(&str, &str)] = &[
    (
        "base/Layerfile",
        "FROM vm/ubuntu:22.04\nCOPY /input /input\nRUN cat /input/read > /kept\nRUN mkdir /tree && touch /tree/1 /tree/2 && rm /tree/1\n",
    ),
    // The secret has another value whenever results are looked at, so that the last step shows the state before it.
    (
        "child/Layerfile",
        "FROM ../base\nRUN ls /tree >> /kept\nSPLIT 2\nRUN echo copy $SPLIT >> /kept\nSECRET ENV LOOK\nRUN cat /kept\n",
    ),
    ("input/unread", "never asked for\n"),
];

/// A repository and a store that lives through many interrupted runs.
#[derive(Debug)]
pub(crate) struct Scenario {
    workflow: Workflow,
    /// What the file that steps read holds; another text for every run, so that every run has all of its work to do.
    version: u32,
    scratch: tempfile::TempDir,
}

impl Scenario {
    /// With one run behind it, so that the base is made.
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let mut scenario = Self { workflow: Workflow::with(LAYERFILES), version: 0, scratch };
        scenario.change();
        scenario.run("first").expect_success();
        scenario.change();
        scenario
    }

    /// For files of the test itself.
    pub(crate) fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Gives all steps something to do again.
    pub(crate) fn change(&mut self) {
        self.version += 1;
        self.write(self.version);
    }

    fn write(&self, version: u32) {
        self.workflow.repository.write("input/read", &format!("version {version}\n"));
    }

    /// A run that `wrapper` starts.
    pub(crate) fn run_through(&self, mut wrapper: Command) -> Outcome {
        wrapper.arg(program()).args(self.workflow.command().get_args()).env(LOOK, "interrupted");
        Outcome::of(&mut wrapper)
    }

    /// What an interrupted run may say: it is killed, fails with words, or got by without what failed. It never
    /// crashes, and never claims a wrong result.
    pub(crate) fn judge_interrupted(&self, outcome: &Outcome) -> Result<(), String> {
        let code = outcome.code();
        let told = outcome.everything();
        if told.contains("panicked") || code == 101 {
            return Err(format!("it crashed by itself: {told}"));
        }
        if code > 0 && outcome.stderr.trim().is_empty() && outcome.stdout.trim().is_empty() {
            return Err(format!("it failed with {code} without a word"));
        }
        Ok(())
    }

    /// The store opens and is right: today's run gives today's results, and so does going back and forth.
    pub(crate) fn judge_store(&self) -> Result<(), String> {
        self.expect_results(self.version, "after")?;
        let idle = self.run("after");
        if !idle.started().is_empty() {
            return Err(format!("what was just run runs again: {:?}", idle.started()));
        }
        self.write(self.version - 1);
        self.expect_results(self.version - 1, "before")?;
        self.write(self.version);
        self.expect_nothing_left()
    }

    fn expect_results(&self, version: u32, look: &str) -> Result<(), String> {
        let run = self.run(look);
        if run.outcome.code() != 0 {
            return Err(format!("the next run fails: {}", run.outcome.everything()));
        }
        for (copy, runner) in ["child", "child-2"].into_iter().enumerate() {
            let expected = format!("version {version}\n2\ncopy {copy}\n");
            if run.printed(runner) != expected {
                return Err(format!("wrong result of copy {copy}: {}", run.outcome.everything()));
            }
        }
        Ok(())
    }

    fn run(&self, look: &str) -> Ran {
        Ran::of(self.workflow.command().env(LOOK, look))
    }

    fn expect_nothing_left(&self) -> Result<(), String> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let store = self.workflow.store().to_string_lossy().into_owned();
        if let Some(line) = mounts.lines().find(|line| line.contains(&store)) {
            return Err(format!("a mount is left: {line}"));
        }
        if self.live().is_empty() {
            return Ok(());
        }
        // Whoever was killed may have taken some time to end; the next run clears away what it left.
        self.run("after");
        let live = self.live();
        if live.is_empty() { Ok(()) } else { Err(format!("dead runs are left: {live:?}")) }
    }

    fn live(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.workflow.store().join("live"));
        entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }
}
