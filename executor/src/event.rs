//! Everything a run tells the world, as one stream: the terminal, JSON lines and reports are views of it.
//!
//! As JSON an event is an object whose `event` names its kind in snake case; the fields of each kind are those
//! below. `elapsed_ms` counts from the start of the run. New kinds and fields may be added; readers ignore what they
//! don't know. Secrets are masked before an event is made.

use crate::engine::RunnerState;
use crate::store::record::StateId;
use crate::store::run_name::RunName;
use serde::{Deserialize, Serialize};

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedEvent {
    /// Milliseconds since the run started.
    pub elapsed_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event.
    RunStarted {
        /// What the run is called: `layerc press` and `layerc run --resume` take it. A resumed run keeps its name.
        run: RunName,
        /// Where results are kept.
        store: String,
        /// The repository's root.
        repository: String,
        /// Every runner, in the plan's order.
        runners: Vec<RunnerInfo>,
    },
    /// A runner is somewhere else now.
    RunnerChanged {
        /// Its name.
        runner: String,
        /// Where it is.
        state: RunnerState,
    },
    /// A runner came to a BUTTON and stands before it.
    ButtonAsked {
        /// Its name.
        runner: String,
        /// The button's number: from 1, in the plan's order.
        number: u32,
        /// Path of its Layerfile.
        layerfile: String,
        /// What the person reads; may be empty.
        message: String,
    },
    /// A BUTTON was pressed; its runner goes on.
    ButtonPressed {
        /// Its name.
        runner: String,
        /// The button's number.
        number: u32,
        /// By whom or what.
        by: String,
    },
    /// Something of a machine can be reached now.
    Exposed {
        /// Whose.
        runner: String,
        /// Where, and what of it.
        #[serde(flatten)]
        address: ExposedAddress,
    },
    /// Everything is done; what was exposed stays up until the run is stopped.
    Serving {},
    /// Nobody connected to what a machine exposes: it was kept, and its process has ended.
    MachineAsleep {
        /// Whose.
        runner: String,
    },
    /// Somebody connected: the machine goes on.
    MachineAwake {
        /// Whose.
        runner: String,
        /// How long that took.
        duration_ms: u64,
    },
    /// A base image is being made ready, which may take a while.
    BasePreparing {
        /// Its name.
        image: String,
        /// What is being done.
        text: String,
    },
    /// A step was skipped: a record answers for it.
    StepCached {
        /// Whose.
        runner: String,
        /// Which.
        step: StepInfo,
        /// How long it had taken.
        saved_ms: u64,
        /// The state behind it.
        state: StateId,
        /// The run that made it.
        made_by: RunName,
    },
    /// An instruction that only sets something took effect: WORKDIR, USER, SETUP FILE, CACHE, CHECKPOINT, ….
    StepSet {
        /// Whose.
        runner: String,
        /// Which.
        step: StepInfo,
    },
    /// A step begins to run.
    StepStarted {
        /// Whose.
        runner: String,
        /// Which.
        step: StepInfo,
        /// Why it isn't skipped.
        reason: Reason,
        /// The state it starts from.
        starts_from: StartsFrom,
    },
    /// A step printed something.
    Output {
        /// Whose.
        runner: String,
        /// Number of the step in its Layerfile.
        number: u32,
        /// Where to.
        stream: OutputStream,
        /// What; bytes that aren't UTF-8 are replaced.
        text: String,
    },
    /// Something that a step left running printed this, later.
    LateOutput {
        /// Whose step it was.
        runner: String,
        /// Which left it running.
        step: StepInfo,
        /// Where to.
        stream: OutputStream,
        /// What; bytes that aren't UTF-8 are replaced.
        text: String,
    },
    /// What RUN BACKGROUND had started ended badly, after the step had succeeded. Nothing fails by it alone.
    BackgroundEnded {
        /// Whose step it was.
        runner: String,
        /// Which started it.
        step: StepInfo,
        /// How it ended.
        result: StepResult,
        /// The last lines it printed.
        log: String,
    },
    /// A step that ran has ended.
    StepFinished {
        /// Whose.
        runner: String,
        /// Which.
        step: StepInfo,
        /// How.
        result: StepResult,
        /// How long it took.
        duration_ms: u64,
        /// Whether the state behind it can be restored.
        snapshot: SnapshotInfo,
        /// The state behind it, if there is a record of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<StateId>,
    },
    /// Something about the machines that the user should hear once.
    Note {
        /// What.
        text: String,
    },
    /// Something the user should look into.
    Warning {
        /// About whom, if about one.
        runner: Option<String>,
        /// What.
        text: String,
    },
    /// Why a runner ended in FAILURE or ERROR.
    RunnerFailed {
        /// Its name.
        runner: String,
        /// What happened and what to do.
        text: String,
    },
    /// The last event.
    RunFinished {
        /// How it ended as a whole.
        outcome: RunOutcome,
        /// Steps that ran.
        steps_run: u32,
        /// Steps that were skipped.
        steps_cached: u32,
        /// One line for every runner.
        runners: Vec<RunnerSummary>,
    },
}

/// A runner, before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerInfo {
    /// Its name.
    pub name: String,
    /// Path of its Layerfile.
    pub layerfile: String,
    /// Steps of its Layerfile.
    pub steps: u32,
}

/// Names a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// Path of its Layerfile.
    pub layerfile: String,
    /// One-based line.
    pub line: u32,
    /// One-based, within its Layerfile.
    pub number: u32,
    /// The instruction on one line.
    pub text: String,
}

/// The state a step starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartsFrom {
    /// The one before it.
    PreviousStep,
    /// The one behind its own last success (RUN REPEATABLE).
    OwnLastRun,
}

/// Which stream of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepResult {
    /// Well.
    Success,
    /// With an exit code other than 0.
    ExitCode {
        /// The code.
        code: i32,
    },
    /// By a signal.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// Because the run was stopped.
    Cancelled,
    /// The machine, the store or the instruction itself failed.
    Error {
        /// What was said.
        text: String,
    },
}

/// Whether the state after a step can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SnapshotInfo {
    /// Yes.
    Taken,
    /// No: these processes live on. Steps behind it run again where the state is needed.
    ProcessesAlive {
        /// Their names.
        names: Vec<String>,
    },
    /// No: CHECKPOINT forbids it.
    Forbidden,
    /// No: making it again takes less than keeping it would.
    Cheap,
    /// No: the value of a secret is in the machine's memory.
    Secret,
    /// No: the step didn't end well.
    Failed,
}

/// Where something of a machine can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ExposedAddress {
    /// A website.
    Website {
        /// Its address with the path.
        url: String,
        /// The port in the machine.
        port: u16,
    },
    /// A forwarded port.
    Tcp {
        /// Address and port on this computer.
        address: String,
        /// The port in the machine.
        port: u16,
    },
}

/// Why a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// No run of this instruction behind these is known.
    New,
    /// A step before it ran, with a new result.
    Follows {
        /// Number of that step in its Layerfile.
        number: u32,
        /// Path of that Layerfile.
        layerfile: String,
    },
    /// An answer it had got from the repository is another one today.
    FileChanged {
        /// The path.
        path: String,
        /// What about it.
        change: Change,
        /// Command name of the process that asked first; empty if unknown, `layerc` for the executor.
        reader: String,
        /// Its id; 0 if unknown.
        pid: u32,
        /// Number of the step that asked.
        number: u32,
        /// Digest of the answer it got, shortened; `None` where there was nothing.
        before: Option<String>,
        /// Digest of the answer it would get; `None` where there is nothing, or nothing that can be read.
        after: Option<String>,
    },
    /// The value of a secret or of a BUILD ENV variable, the base image, or a split index is another one.
    ValueChanged {
        /// Its name, as written in a Layerfile.
        name: String,
    },
    /// It ran before but the state behind it wasn't kept, and it is needed now.
    StateNeeded {
        /// Why it wasn't kept.
        cause: String,
    },
    /// `--no-cache`.
    Forced,
}

/// What about a path is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It wasn't there.
    Appeared,
    /// It isn't there any more.
    Vanished,
    /// Its bytes or its mode.
    Content,
    /// Its size, mode or kind.
    Attributes,
    /// The names in it.
    Listing,
    /// Where it points.
    Link,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => formatter.write_str("the instruction is new"),
            Self::Follows { number, layerfile } => {
                write!(formatter, "step {number} of {layerfile} ran")
            }
            Self::FileChanged { path, change, reader, pid, number, .. } => {
                let path = if path.is_empty() { "." } else { path };
                write!(
                    formatter,
                    "`{path}` {}: asked for by {}",
                    change.words(),
                    asker(reader, *pid)
                )?;
                write!(formatter, " in step {number}")
            }
            Self::ValueChanged { name } => write!(formatter, "{name} changed"),
            Self::StateNeeded { cause } => {
                write!(formatter, "its state is needed and wasn't kept: {cause}")
            }
            Self::Forced => formatter.write_str("the cache is off"),
        }
    }
}

fn asker(reader: &str, pid: u32) -> String {
    match (reader, pid) {
        ("", 0) => "a process".to_owned(),
        (reader, 0) => reader.to_owned(),
        ("", pid) => format!("process {pid}"),
        (reader, pid) => format!("{reader} (pid {pid})"),
    }
}

impl Change {
    /// As a predicate.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Vanished => "vanished",
            Self::Content => "changed",
            Self::Attributes => "changed its mode, size or kind",
            Self::Listing => "got or lost an entry",
            Self::Link => "points elsewhere",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every runner succeeded or was skipped.
    Success,
    /// A step failed.
    Failure,
    /// Something could not be run.
    Error,
    /// It was stopped.
    Cancelled,
    /// All that could be done is done; the rest waits for a BUTTON that nobody pressed.
    Waiting,
}

/// A runner, after it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerSummary {
    /// Its name.
    pub name: String,
    /// Where it ended.
    pub state: RunnerState,
    /// Steps of its own that ran.
    pub steps_run: u32,
    /// Steps of its own that were skipped.
    pub steps_cached: u32,
    /// Time it worked.
    pub duration_ms: u64,
    /// The first step that could not be skipped and why.
    pub first_miss: Option<FirstMiss>,
}

/// The first step of a runner that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstMiss {
    /// Which.
    pub step: StepInfo,
    /// Why.
    pub reason: Reason,
}

/// Takes events; called from many threads.
pub trait EventSink: Send + Sync {
    /// Takes one. Must not block for long.
    fn emit(&self, event: Event);
}
