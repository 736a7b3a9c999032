//! A repository with Layerfiles, a store of its own, and what `layerc run` made of them, as its events tell.

use crate::layerc::{Outcome, layerc};
use crate::repository::Repository;
use layerc_executor::event::{Event, OutputStream, StepInfo, TimedEvent};
use std::path::Path;
use std::process::Command;

/// Lets the machine's own root file system stand in for the image that the tests' Layerfiles name.
const CONFIGURATION: &str = "[images]\n\"vm/ubuntu:22.04\" = \"host\"\n";

/// A repository and a store that nothing else uses.
#[derive(Debug)]
pub struct Workflow {
    /// The repository.
    pub repository: Repository,
    store: tempfile::TempDir,
}

impl Workflow {
    /// A repository with these files and a `layerc.toml` that maps `vm/ubuntu:22.04` to the host.
    ///
    /// # Panics
    /// When there is no room for temporary directories.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repository = Repository::with(files);
        repository.write("layerc.toml", CONFIGURATION);
        Self { repository, store: tempfile::tempdir().expect("a temporary directory") }
    }

    /// Where its store is.
    pub fn store(&self) -> &Path {
        self.store.path()
    }

    /// `layerc run` of the whole repository with its own store, telling events.
    pub fn command(&self) -> Command {
        run_command(self.repository.path(), self.store())
    }

    /// Runs everything.
    pub fn run(&self) -> Ran {
        Ran::of(&mut self.command())
    }
}

/// `layerc run` of a repository with a store, telling its events as JSON lines on standard output.
pub fn run_command(repository: &Path, store: &Path) -> Command {
    let mut command = layerc(["run", "--format", "json"]);
    command.arg("--store").arg(store).arg(repository);
    command
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct Ran {
    /// What it said and how it ended.
    pub outcome: Outcome,
    /// What it told, in order.
    pub events: Vec<Event>,
}

impl Ran {
    /// Runs a command that tells events.
    ///
    /// # Panics
    /// When a line of its output is no event.
    pub fn of(command: &mut Command) -> Self {
        let outcome = Outcome::of(command);
        let event = |line: &str| -> Event {
            let timed: TimedEvent = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("no event ({error}): {line}\n{}", outcome.stderr));
            timed.event
        };
        let events = outcome.stdout.lines().map(event).collect();
        Self { outcome, events }
    }

    /// The steps that ran, in the order they started.
    pub fn executed(&self) -> Vec<&StepInfo> {
        let mut steps = Vec::new();
        for event in &self.events {
            if let Event::StepStarted { step, .. } = event {
                steps.push(step);
            }
        }
        steps
    }

    /// The lines of the RUN instructions of one Layerfile that ran, in the order they started.
    pub fn executed_commands(&self, layerfile: &str) -> Vec<u32> {
        let commands = self.executed().into_iter();
        commands
            .filter(|step| step.layerfile == layerfile && step.text.starts_with("RUN"))
            .map(|step| step.line)
            .collect()
    }

    /// What the steps of a runner printed to standard output.
    pub fn printed(&self, runner: &str) -> String {
        let mut printed = String::new();
        for event in &self.events {
            match event {
                Event::Output { runner: whose, stream: OutputStream::Stdout, text, .. }
                    if whose == runner =>
                {
                    printed.push_str(text);
                }
                _ => {}
            }
        }
        printed
    }

    /// Itself, if the run succeeded.
    ///
    /// # Panics
    /// With everything it said, if it failed.
    pub fn expect_success(self) -> Self {
        Self { outcome: self.outcome.expect_success("layerc run"), ..self }
    }
}
