//! What is asked of the agent of a machine, whatever the machine is made of: to run a command, to lay repository files
//! over its root.
//!
//! Knows the messages and the repository's server, not how they reach the machine.

use crate::agent::protocol::{
    CommandNumber, Destination, Found, LiveEntry, Reply, Request, RunCommand,
};
use crate::backend::{
    BackendError, CommandEnd, CopiedEntry, CopiedFiles, CopyRequest, Heard, Stream,
};
use crate::overlay::copy::{self, Source, Target};
use crate::overlay::failure::{Doing, unexpected};
use crate::read_set::TrackedPath;
use crate::tracked::{Repository, TrackedServer};

/// The way to an agent.
pub(crate) trait Ask {
    /// Asks something; `hear` gets what commands wrote, until the answer.
    fn ask(
        &mut self,
        request: &Request,
        hear: &mut dyn FnMut(Reply),
    ) -> Result<Reply, BackendError>;
}

/// Asks one question and keeps for later what is heard meanwhile.
pub(crate) type Question<'a> = dyn FnMut(&Request) -> Result<Reply, BackendError> + 'a;

/// Runs a command to its end, or to the end of its first moment.
pub(crate) fn run(
    agent: &mut dyn Ask,
    wanted: RunCommand,
    hear: &mut dyn FnMut(Heard<'_>),
) -> Result<CommandEnd, BackendError> {
    let number = wanted.number;
    match agent.ask(&Request::Run(wanted), &mut |reply| tell(number, &reply, hear))? {
        Reply::Ended(end) => Ok(end),
        other => Err(unexpected(other)),
    }
}

/// Tells what a machine said while the command of this number runs (0: none).
pub(crate) fn tell(now: CommandNumber, reply: &Reply, hear: &mut dyn FnMut(Heard<'_>)) {
    match reply {
        Reply::Output { command, stream, bytes } if *command == now => {
            hear(Heard::Output(*stream, bytes));
        }
        // Answers are of interest while their command runs.
        Reply::Output { command, stream, bytes } if *stream != Stream::Answer => {
            hear(Heard::Late { command: *command, stream: *stream, bytes });
        }
        Reply::BackgroundEnded { command, end } => {
            hear(Heard::BackgroundEnded { command: *command, end: *end });
        }
        _ => {}
    }
}

/// Shows files to source at a private place of the repository's mount; gives their places there: `LAYER/NUMBER/NAME`.
pub(crate) fn show_setup_files(
    server: &TrackedServer,
    paths: &[String],
) -> Result<Vec<String>, BackendError> {
    let names: Vec<String> = (1..)
        .zip(paths)
        .map(|(number, path): (u32, _)| {
            format!("{number}/{}", path.rsplit('/').next().unwrap_or(path))
        })
        .collect();
    let entries = names.iter().zip(paths).map(|(name, path)| CopiedEntry {
        repository_path: path.clone(),
        machine_path: format!("/{name}"),
    });
    let files = CopiedFiles { entries: entries.collect() };
    let layer = server.add_whole_layer(&files).doing(|| "show setup files".to_owned())?;
    Ok(names.into_iter().map(|name| format!("{layer}/{name}")).collect())
}

/// Where a COPY goes in the machine as it is.
#[derive(Debug)]
pub(crate) struct Place {
    path: String,
    found: Found,
}

/// Asks where a COPY goes.
pub(crate) fn resolve(
    ask: &mut Question<'_>,
    request: &CopyRequest,
) -> Result<Place, BackendError> {
    let destination = Destination {
        destination: request.destination.clone(),
        workdir: request.workdir.clone(),
        user: request.user.clone(),
    };
    match ask(&Request::ResolveDestination(destination))? {
        Reply::Resolved { path, found } => Ok(Place { path, found }),
        other => Err(unexpected(other)),
    }
}

/// What a COPY shows, for the record and for a machine whose processes live.
#[derive(Debug)]
pub(crate) struct PlannedCopy {
    pub(crate) files: CopiedFiles,
    entries: Vec<LiveEntry>,
}

/// Decides what of the repository appears where.
pub(crate) fn plan_copy(
    repository: &Repository,
    request: &CopyRequest,
    place: &Place,
) -> Result<PlannedCopy, BackendError> {
    let mut sources = Vec::new();
    for source in &request.sources {
        let is_directory = repository.is_directory(&TrackedPath::new(source.as_bytes()));
        let is_directory = is_directory.doing(|| format!("look at `{source}`"))?;
        sources.push(if is_directory { Source::Directory(source) } else { Source::File(source) });
    }
    let target = Target { written: &request.destination, path: &place.path, found: place.found };
    let files = copy::entries(&sources, target)?;
    let entries = files.entries.iter().zip(&sources).map(|(entry, source)| LiveEntry {
        machine_path: entry.machine_path.clone(),
        is_directory: matches!(source, Source::Directory(_)),
    });
    let entries = entries.collect();
    Ok(PlannedCopy { files, entries })
}

impl PlannedCopy {
    /// What is not among these, if there is any.
    pub(crate) fn besides(self, known: &[CopiedFiles]) -> Option<Self> {
        let is_known =
            |entry: &CopiedEntry| known.iter().any(|files| files.entries.contains(entry));
        let pairs = self.files.entries.into_iter().zip(self.entries);
        let (files, entries): (Vec<_>, Vec<_>) =
            pairs.filter(|(entry, _)| !is_known(entry)).unzip();
        (!files.is_empty()).then_some(Self { files: CopiedFiles { entries: files }, entries })
    }
}

/// Lays the layer that shows a planned copy over the machine's root; gives what goes into a record.
pub(crate) fn lay_over(
    ask: &mut Question<'_>,
    layer: String,
    planned: PlannedCopy,
) -> Result<CopiedFiles, BackendError> {
    let PlannedCopy { files, entries } = planned;
    let passages = copy::passages(&files);
    match ask(&Request::Copy { layer, entries, passages })? {
        Reply::Done => Ok(files),
        other => Err(unexpected(other)),
    }
}
