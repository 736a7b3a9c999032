//! Performs one instruction on a live machine. Knows nothing of keys, records or what comes next.

use super::context::Context;
use super::live::Live;
use super::output::StepOutput;
use super::trouble::Trouble;
use super::{evaluation, sources};
use crate::backend::{Attachment, Command, CommandEnd, CopyRequest, Stream};
use crate::event::{Event, OutputStream, StepInfo, StepResult};
use crate::read_set::ReadSet;
use crate::store::record::MachineState;
use layerc_planner::plan::{Action, CommandMode};

/// Whose step it is.
#[derive(Clone, Copy)]
pub(super) struct Whose<'run> {
    pub(super) context: &'run Context<'run>,
    pub(super) runner: &'run str,
    pub(super) info: &'run StepInfo,
}

/// What an instruction did.
pub(super) struct Performed {
    pub(super) result: StepResult,
    /// What is set behind it.
    pub(super) state: MachineState,
    /// What the executor asked the repository for it.
    pub(super) own_reads: ReadSet,
    /// Its output, as far as it is kept.
    pub(super) output: Vec<u8>,
}

impl Performed {
    const fn quiet(result: StepResult, state: MachineState) -> Self {
        Self {
            result,
            state,
            own_reads: ReadSet { answers: std::collections::BTreeMap::new() },
            output: Vec::new(),
        }
    }
}

/// Performs `action` with `state` set.
pub(super) fn perform(
    whose: Whose<'_>,
    live: &mut Live,
    action: &Action,
    state: &MachineState,
) -> Result<Performed, Trouble> {
    match action {
        Action::Run { mode, command } => run(whose, live, *mode, command, state),
        Action::Copy { sources, destination } => copy(whose, live, sources, destination, state),
        Action::Env { pairs } => evaluate(whose, live, pairs, state),
        _ => Ok(Performed::quiet(StepResult::Success, state.clone())),
    }
}

fn run(
    whose: Whose<'_>,
    live: &mut Live,
    mode: CommandMode,
    script: &str,
    state: &MachineState,
) -> Result<Performed, Trouble> {
    let attachment = match mode {
        CommandMode::Plain | CommandMode::Repeatable => Attachment::Foreground,
        CommandMode::Background => Attachment::Background,
    };
    let mut command = command(whose, script.to_owned(), state);
    command.setup_files.clone_from(&state.setup_files);
    command.mode = attachment;
    let (end, output, _) = execute(whose, live, &command)?;
    Ok(Performed { output, ..Performed::quiet(result_of(end), state.clone()) })
}

fn copy(
    whose: Whose<'_>,
    live: &mut Live,
    written: &[String],
    destination: &str,
    state: &MachineState,
) -> Result<Performed, Trouble> {
    let mut own_reads = ReadSet::default();
    let sources = sources::expand(written, whose.context.repository, &mut own_reads)
        .map_err(|error| Trouble::Failed(super::trouble::with_causes(&error)))?;
    live.copy(&CopyRequest {
        sources,
        destination: destination.to_owned(),
        workdir: state.workdir.clone(),
        user: state.user.clone(),
    })?;
    Ok(Performed { own_reads, ..Performed::quiet(StepResult::Success, state.clone()) })
}

fn evaluate(
    whose: Whose<'_>,
    live: &mut Live,
    pairs: &[(String, String)],
    state: &MachineState,
) -> Result<Performed, Trouble> {
    let command = command(whose, evaluation::script(pairs), state);
    let (end, output, answer) = execute(whose, live, &command)?;
    let result = result_of(end);
    let mut state = state.clone();
    if result == StepResult::Success {
        let values = evaluation::values(&answer, pairs.len()).ok_or_else(|| {
            Trouble::Failed("ENV could not be evaluated: bash gave no answer".to_owned())
        })?;
        for ((name, _), value) in pairs.iter().zip(values) {
            state.environment.insert(name.clone(), whose.context.secrets.conceal(&value));
        }
    }
    Ok(Performed { output, ..Performed::quiet(result, state) })
}

fn command(whose: Whose<'_>, script: String, state: &MachineState) -> Command {
    let mut environment = whose.context.built_ins.all(whose.runner);
    for (name, value) in &state.environment {
        environment.insert(name.clone(), whose.context.secrets.reveal(value));
    }
    Command {
        script,
        user: state.user.clone(),
        workdir: state.workdir.clone(),
        environment,
        setup_files: Vec::new(),
        mode: Attachment::Foreground,
    }
}

/// Executes, shows the output, and returns how it ended, what is kept of the output, and the answer.
fn execute(
    whose: Whose<'_>,
    live: &mut Live,
    command: &Command,
) -> Result<(CommandEnd, Vec<u8>, Vec<u8>), Trouble> {
    let mut output = StepOutput::new(whose.context.secrets);
    let mut answer = Vec::new();
    live.wrote();
    let end = live.machine.execute(command, &mut |stream, bytes| match stream {
        Stream::Stdout => {
            show(whose, OutputStream::Stdout, output.push(OutputStream::Stdout, bytes));
        }
        Stream::Stderr => {
            show(whose, OutputStream::Stderr, output.push(OutputStream::Stderr, bytes));
        }
        Stream::Answer => answer.extend_from_slice(bytes),
    });
    for stream in [OutputStream::Stdout, OutputStream::Stderr] {
        show(whose, stream, output.finish(stream));
    }
    Ok((end?, output.into_kept(), answer))
}

fn show(whose: Whose<'_>, stream: OutputStream, text: Option<String>) {
    let Some(text) = text else { return };
    whose.context.emit(Event::Output {
        runner: whose.runner.to_owned(),
        number: whose.info.number,
        stream,
        text,
    });
}

const fn result_of(end: CommandEnd) -> StepResult {
    match end {
        CommandEnd::Exited(0) | CommandEnd::LeftRunning => StepResult::Success,
        CommandEnd::Exited(code) => StepResult::ExitCode { code },
        CommandEnd::Signalled(signal) => StepResult::Signal { signal },
    }
}
