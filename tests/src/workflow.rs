//! A repository with Layerfiles, a store of its own, and what `layerc run` made of them, as its events tell.

use crate::forecast::Said;
use crate::layerc::{Outcome, layerc};
use crate::repository::Repository;
use crate::skip::skipped;
use layerc_executor::event::{Event, OutputStream, Reason, StepInfo, TimedEvent};
use serde::Serialize;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

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
        self.run_with(&[])
    }

    /// Runs with more arguments.
    pub fn run_with(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments))
    }

    /// Runs everything, which must succeed; the steps that ran, as [`Ran::started`] tells them.
    ///
    /// # Panics
    /// When the run fails.
    pub fn ran(&self) -> Vec<String> {
        self.run().expect_success().started()
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
    /// Runs a command that tells events, after asking `layerc plan` what it will do.
    ///
    /// # Panics
    /// When a line of its output is no event, or the run does something else than `plan` said.
    pub fn of(command: &mut Command) -> Self {
        let said = Said::before(command);
        let ran = Self::unasked(command);
        said.compare(&ran.events);
        ran
    }

    /// The same without asking: for measuring, where nobody may have looked at the repository before.
    ///
    /// # Panics
    /// When a line of its output is no event.
    pub fn unasked(command: &mut Command) -> Self {
        let outcome = Outcome::of(command);
        let event = |line: &str| -> Event {
            let timed: TimedEvent = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("no event ({error}): {line}\n{}", outcome.stderr));
            timed.event
        };
        let events: Vec<Event> = outcome.stdout.lines().map(event).collect();
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

    /// The steps that ran: `runner:number why`, where a changed file is named with its reader; sorted.
    pub fn started(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for event in &self.events {
            if let Event::StepStarted { runner, step, reason, .. } = event {
                lines.push(format!("{runner}:{} {}", step.number, why(reason)));
            }
        }
        lines.sort();
        lines
    }

    /// The texts of warnings and failures.
    pub fn complaints(&self) -> Vec<&str> {
        let mut texts = Vec::new();
        for event in &self.events {
            if let Event::Warning { text, .. } | Event::RunnerFailed { text, .. } = event {
                texts.push(text.as_str());
            }
        }
        texts
    }

    /// The state that a runner ended in, as events spell it; empty if it isn't told.
    pub fn state(&self, runner: &str) -> String {
        for event in &self.events {
            if let Event::RunFinished { runners, .. } = event {
                let summary = runners.iter().find(|summary| summary.name == runner);
                return summary.map(|summary| spelled(&summary.state)).unwrap_or_default();
            }
        }
        String::new()
    }

    /// Everything that the steps of a runner printed.
    pub fn output(&self, runner: &str) -> String {
        self.texts(runner, |_| true)
    }

    /// What the steps of a runner printed to standard output.
    pub fn printed(&self, runner: &str) -> String {
        self.texts(runner, |stream| stream == OutputStream::Stdout)
    }

    fn texts(&self, runner: &str, wanted: fn(OutputStream) -> bool) -> String {
        let mut texts = String::new();
        for event in &self.events {
            if let Event::Output { runner: whose, stream, text, .. } = event
                && whose == runner
                && wanted(*stream)
            {
                texts.push_str(text);
            }
        }
        texts
    }

    /// Itself, if the run succeeded.
    ///
    /// # Panics
    /// With everything it said, if it failed.
    pub fn expect_success(self) -> Self {
        Self { outcome: self.outcome.expect_success("layerc run"), ..self }
    }
}

/// A reason in few words.
fn why(reason: &Reason) -> String {
    match reason {
        Reason::New => "new".to_owned(),
        Reason::Follows { .. } => "follows".to_owned(),
        Reason::FileChanged { path, change, reader, .. } => {
            format!("{path} {} by {reader}", spelled(change))
        }
        Reason::ValueChanged { name } => format!("value {name}"),
        Reason::StateNeeded { .. } => "state_needed".to_owned(),
        Reason::Forced => "forced".to_owned(),
    }
}

/// A plain enum as it stands in an event.
fn spelled(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// Whether machines can be started here; says aloud that the test is skipped if not.
pub fn can_run(test: &str) -> bool {
    static OBSTACLE: OnceLock<Option<String>> = OnceLock::new();
    match OBSTACLE.get_or_init(obstacle) {
        None => true,
        Some(obstacle) => {
            skipped(test, obstacle);
            false
        }
    }
}

/// Why machines can't be started here; `None` if they can.
fn obstacle() -> Option<String> {
    let layerfile = "FROM vm/ubuntu:22.04\nCOPY . /x\nRUN cat /x/Layerfile\n";
    let run = Workflow::with(&[("Layerfile", layerfile)]).run();
    (run.outcome.code() != 0).then(|| run.complaints().join("; ") + &run.outcome.stderr)
}
