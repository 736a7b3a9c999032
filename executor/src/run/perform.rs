//! Performs one instruction on a live machine. Knows nothing of keys, records or what comes next.

use super::context::Context;
use super::live::Live;
use super::output::StepOutput;
use super::trouble::Trouble;
use super::{evaluation, exposing, sources};
use crate::backend::{
    Attachment, BackendError, CacheMount, Command, CommandEnd, CopyRequest, Heard, Stream,
};
use crate::cache::advance;
use crate::caches::CacheName;
use crate::clones::CloneRequest;
use crate::event::{Event, OutputStream, StepInfo, StepResult};
use crate::read_set::ReadSet;
use crate::store::committer::{Commit, Committed};
use crate::store::record::{CachedPath, MachineState};
use layerc_planner::plan::{Action, CommandMode};
use std::time::Instant;

/// Most bytes of evaluated variables: far more than an environment can have.
const ANSWER_LIMIT_BYTES: usize = 16 << 20;

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
    if state.has_secrets() {
        let told = live.hears_secrets()?;
        told.into_iter().for_each(|text| whose.context.emit(Event::Note { text }));
    }
    match action {
        Action::Run { mode, command } => run(whose, live, *mode, command, state),
        Action::Copy { .. } | Action::Clone { .. } => copy(whose, live, action, state),
        Action::ExposeWebsite { port, path, .. } => {
            exposing::path_in(path, state)?;
            exposing::wait(whose, live, *port)?;
            Ok(Performed::quiet(StepResult::Success, state.clone()))
        }
        Action::ExposeTcp { destination, .. } => {
            exposing::wait(whose, live, *destination)?;
            Ok(Performed::quiet(StepResult::Success, state.clone()))
        }
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
    action: &Action,
    state: &MachineState,
) -> Result<Performed, Trouble> {
    let done = Performed::quiet(StepResult::Success, state.clone());
    let Some((request, own_reads)) = copy_request(whose.context, action, state)? else {
        return Ok(done);
    };
    not_into_a_cache(&request.destination, state)?;
    live.copy(&request)?;
    Ok(Performed { own_reads, ..done })
}

/// What a COPY or CLONE shows today, and what was asked of the repository to tell.
pub(super) fn copy_request(
    context: &Context<'_>,
    action: &Action,
    state: &MachineState,
) -> Result<Option<(CopyRequest, ReadSet)>, Trouble> {
    let (written, destination) = match action {
        Action::Copy { sources, destination } => (sources.clone(), destination),
        Action::Clone { url, default_branch, sources, destination } => {
            let request = CloneRequest { url: url.clone(), default_branch: default_branch.clone() };
            (in_clone(&request.tracked_name(), sources)?, destination)
        }
        _ => return Ok(None),
    };
    let mut own_reads = ReadSet::default();
    let sources = sources::expand(&written, context.repository, &mut own_reads)
        .map_err(|error| Trouble::Failed(super::trouble::with_causes(&error)))?;
    let request = CopyRequest {
        sources,
        destination: destination.clone(),
        workdir: state.workdir.clone(),
        user: state.user.clone(),
    };
    Ok(Some((request, own_reads)))
}

/// Sources of a CLONE as tracked paths; all of it if there are none.
fn in_clone(name: &str, sources: &[String]) -> Result<Vec<String>, Trouble> {
    let below = |source: &String| {
        let mut path = name.to_owned();
        for component in source.split('/').filter(|component| !["", "."].contains(component)) {
            if component == ".." {
                let text = format!("the source `{source}` leads out of the other repository");
                return Err(Trouble::Failed(text));
            }
            path.push('/');
            path.push_str(component);
        }
        Ok(path)
    };
    if sources.is_empty() { Ok(vec![name.to_owned()]) } else { sources.iter().map(below).collect() }
}

/// What was copied there would not be seen.
fn not_into_a_cache(destination: &str, state: &MachineState) -> Result<(), Trouble> {
    let destination = advance::in_directory(&state.workdir, destination);
    let destination = destination.trim_end_matches(['/', '.']);
    let holds = |path: &str| {
        let below = destination.strip_prefix(path);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    match state.caches.iter().find(|cached| holds(&cached.path)) {
        None => Ok(()),
        Some(CachedPath { path, .. }) => Err(Trouble::Failed(format!(
            "cannot copy to `{destination}`: `{path}` is a CACHE, which lies over everything else there; copy elsewhere, \
             or cache a directory beside it"
        ))),
    }
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

pub(super) fn command(whose: Whose<'_>, script: String, state: &MachineState) -> Command {
    let mut environment = whose.context.built_ins.all(whose.runner);
    if let Some(doors) = &whose.context.doors {
        for name in ["EXPOSE_WEBSITE_HOST", "EXPOSE_WEBSITE_URL"] {
            environment.insert(name.to_owned(), doors.host(whose.runner));
        }
    }
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
        caches: state.caches.iter().map(|cached| cache_mount(whose, cached)).collect(),
    }
}

fn cache_mount(whose: Whose<'_>, cached: &CachedPath) -> CacheMount {
    let CachedPath { image, path, owner } = cached.clone();
    let home_of = if path.starts_with('~') { owner.clone() } else { String::new() };
    let repository = whose.context.repository_name.to_owned();
    CacheMount { name: CacheName { repository, image, path, home_of }, owner }
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
    let began = Instant::now();
    let Live { machine, daemons, .. } = live;
    let end = machine.execute_and_hear(command, &mut |heard| match heard {
        Heard::Output(Stream::Stdout, bytes) => {
            show(whose, OutputStream::Stdout, output.push(OutputStream::Stdout, bytes));
        }
        Heard::Output(Stream::Stderr, bytes) => {
            show(whose, OutputStream::Stderr, output.push(OutputStream::Stderr, bytes));
        }
        Heard::Output(Stream::Answer, bytes) if answer.len() < ANSWER_LIMIT_BYTES => {
            answer.extend_from_slice(bytes);
        }
        // A script may write there too; it must not fill the memory of this process.
        Heard::Output(Stream::Answer, _) => {}
        Heard::Late { .. } | Heard::BackgroundEnded { .. } => daemons.hear(whose.context, heard),
    });
    for stream in [OutputStream::Stdout, OutputStream::Stderr] {
        show(whose, stream, output.finish(stream));
    }
    let end = end?;
    let Whose { context, runner, info } = whose;
    daemons.note(machine.last_command(), (context, runner, info), output.kept_end());
    live.worked(began.elapsed());
    if !command.caches.is_empty() && result_of(end) == StepResult::Success {
        keep_caches(whose, live)?;
    }
    Ok((end, output.into_kept(), answer))
}

/// Has what a successful command left in the caches become their versions.
fn keep_caches(whose: Whose<'_>, live: &mut Live) -> Result<(), Trouble> {
    let kept = match live.machine.keep_caches() {
        Ok(kept) => kept,
        Err(error @ BackendError::Stopped(_)) => return Err(error.into()),
        Err(error) => {
            // A cache makes things faster; a run does without.
            let text = format!("the caches are not kept: {}", super::trouble::with_causes(&error));
            whose.context.warn(whose.runner, text);
            return Ok(());
        }
    };
    if !kept.alive.is_empty() {
        let text = format!(
            "{}: what was written to CACHE is not kept while processes live on ({})",
            whose.runner,
            kept.alive.join(", ")
        );
        whose.context.emit(Event::Note { text });
    }
    for publication in kept.publications {
        let what = Committed::Cache(publication);
        whose.context.committer.commit(Commit { what, layers: Vec::new(), turn: None });
    }
    Ok(())
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

pub(super) const fn result_of(end: CommandEnd) -> StepResult {
    match end {
        CommandEnd::Exited(0) | CommandEnd::LeftRunning => StepResult::Success,
        CommandEnd::Exited(code) => StepResult::ExitCode { code },
        CommandEnd::Signalled(signal) => StepResult::Signal { signal },
    }
}
