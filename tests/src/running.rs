//! `layerc run` under test: a repository, a store, and what the events of a run say.
//!
//! Steps run on the base `host`. Where this machine allows no namespaces or no FUSE, tests are skipped aloud.

use crate::layerc::{Outcome, layerc};
use crate::repository::Repository;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// A repository and a store that outlive several runs.
#[derive(Debug)]
pub struct Workplace {
    /// The repository.
    pub repository: Repository,
    store: tempfile::TempDir,
}

/// What a run said, event by event.
#[derive(Debug, Clone)]
pub struct Run {
    /// The process.
    pub outcome: Outcome,
    /// Its events.
    pub events: Vec<Value>,
}

impl Workplace {
    /// With these files. `FROM vm/test` is this machine itself.
    ///
    /// # Panics
    /// When temporary directories can't be made.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repository = Repository::with(files);
        repository.write("layerc.toml", "[images]\n\"vm/test\" = \"host\"\n");
        Self { repository, store: tempfile::tempdir().expect("a temporary directory") }
    }

    /// Where results are kept.
    pub fn store(&self) -> &Path {
        self.store.path()
    }

    /// The command line of a run, with more arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_on(self.store(), arguments)
    }

    /// The same on another store.
    pub fn command_on(&self, store: &Path, arguments: &[&str]) -> Command {
        let mut command = layerc(["run", "--format", "json", "--store"]);
        command.arg(store).args(arguments).current_dir(self.repository.path());
        command
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(Outcome::of(&mut self.command(arguments)))
    }

    /// Runs, which must succeed; the steps that ran, as `runner:number reason`, sorted.
    ///
    /// # Panics
    /// When the run fails.
    pub fn ran(&self) -> Vec<String> {
        let run = self.run(&[]);
        assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
        run.started()
    }
}

impl Run {
    /// Reads the events of a finished process.
    pub fn of(outcome: Outcome) -> Self {
        let events =
            outcome.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Self { outcome, events }
    }

    /// The events of one kind.
    pub fn of_kind<'run>(&'run self, kind: &'run str) -> impl Iterator<Item = &'run Value> {
        self.events.iter().filter(move |event| event["event"] == kind)
    }

    /// The steps that ran: `runner:number why`, where a changed file is named with its reader; sorted.
    pub fn started(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.of_kind("step_started").map(line).collect();
        lines.sort();
        lines
    }

    /// Everything a runner's steps printed.
    pub fn output(&self, runner: &str) -> String {
        let own = self.of_kind("output").filter(|event| event["runner"] == runner);
        own.filter_map(|event| event["text"].as_str()).collect()
    }

    /// The texts of warnings and failures.
    pub fn complaints(&self) -> Vec<String> {
        let told = self
            .events
            .iter()
            .filter(|event| event["event"] == "warning" || event["event"] == "runner_failed");
        told.filter_map(|event| event["text"].as_str()).map(str::to_owned).collect()
    }

    /// The state that a runner ended in.
    pub fn state(&self, runner: &str) -> String {
        let finished =
            self.of_kind("run_finished").flat_map(|event| event["runners"].as_array().cloned());
        let own = finished.flatten().find(|summary| summary["name"] == runner);
        let state = own.as_ref().and_then(|summary| summary.get("state"));
        state.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

fn line(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reason = &event["reason"];
    let why = match reason["kind"].as_str() {
        Some("file_changed") => {
            format!(
                "{} {} by {}",
                text(&reason["path"]),
                text(&reason["change"]),
                text(&reason["reader"])
            )
        }
        Some("value_changed") => format!("value {}", text(&reason["name"])),
        other => other.unwrap_or_default().to_owned(),
    };
    let number = event.pointer("/step/number").and_then(Value::as_u64).unwrap_or_default();
    format!("{}:{number} {why}", text(&event["runner"]))
}

/// Why machines can't be started here; `None` if they can.
pub fn cannot_run() -> Option<String> {
    let place =
        Workplace::with(&[("Layerfile", "FROM vm/test\nCOPY . /x\nRUN cat /x/Layerfile\n")]);
    let run = place.run(&[]);
    (run.outcome.code() != 0).then(|| run.complaints().join("; ") + &run.outcome.stderr)
}

/// Whether a file below `directory` holds these bytes.
///
/// # Panics
/// When the directory can't be read.
pub fn holds_bytes(directory: &Path, needle: &[u8]) -> bool {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    entries.into_iter().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => holds_bytes(&entry.path(), needle),
        Ok(kind) if kind.is_file() => std::fs::read(entry.path())
            .is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle)),
        _ => false,
    })
}
