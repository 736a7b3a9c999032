//! Steps in a guest: its agent, the server of its files and the way to its ports, together.
//!
//! Knows nothing of processors, memory or snapshots: whoever has those makes one of these for every life of a machine.

use super::agent::GuestAgent;
use super::caches::LifeCaches;
use super::ports::GuestPorts;
use super::terminal::JoinedTerminal;
use crate::agent::protocol::{GuestSetup, Renewal, Reply, Request, RunCommand, Waking};
use crate::asking::{self, PlannedCopy};
use crate::backend::{
    BackendError, CacheMount, Command, CommandEnd, CopiedEntry, CopiedFiles, CopyRequest, Heard,
    KeptCaches, Ports, Stream, Today,
};
use crate::caches::Caches;
use crate::kvm::Secrecy;
use crate::kvm::devices::sockets::Connector;
use crate::overlay::failure::{Doing, unexpected};
use crate::overlay::resync::changed_since;
use crate::randomness::draw;
use crate::read_set::ReadSet;
use crate::sealing::OwnerKey;
use crate::tracked::{Repository, SavedFiles, TrackedServer};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a guest came to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// It booted.
    Booted,
    /// It goes on from a snapshot: it knows neither the time nor that it may not be the only one.
    Restored,
}

/// A guest in which steps run.
#[derive(Debug)]
pub struct GuestSteps {
    agent: GuestAgent,
    server: TrackedServer,
    repository: Arc<Repository>,
    ports: Arc<GuestPorts>,
    connector: Connector,
    /// That of the next command.
    terminal: Option<JoinedTerminal>,
    commands: u32,
    grace: Duration,
    /// What came between commands.
    unheard: Vec<Reply>,
    /// Directories that outlive runs; without any, CACHE is refused.
    caches: Option<LifeCaches>,
}

/// What steps need of a machine that runs.
#[derive(Debug)]
pub struct GuestParts {
    /// The way to its agent.
    pub connector: Connector,
    /// The server of its files.
    pub server: TrackedServer,
    /// What it serves.
    pub repository: Arc<Repository>,
    /// How long a background command is watched.
    pub grace: Duration,
}

impl GuestSteps {
    /// Waits for the agent, and tells it what it must know.
    ///
    /// # Errors
    /// When it doesn't answer in time, or can't be what it is told.
    pub fn begin(
        parts: GuestParts,
        setup: &GuestSetup,
        beginning: Beginning,
        patience: Duration,
    ) -> Result<Self, BackendError> {
        let mut agent = GuestAgent::connect(&parts.connector, setup, patience)?;
        match beginning {
            Beginning::Booted => {}
            Beginning::Restored => wake(&mut agent)?,
        }
        Ok(Self {
            agent,
            server: parts.server,
            repository: parts.repository,
            ports: Arc::new(GuestPorts::new(parts.connector.clone())),
            connector: parts.connector,
            terminal: None,
            commands: 0,
            grace: parts.grace,
            unheard: Vec::new(),
            caches: None,
        })
    }

    /// Has caches from there, of which those are encrypted that secrets may be in.
    #[must_use]
    pub fn with_caches(mut self, caches: Caches, owner_key: OwnerKey) -> Self {
        self.caches = Some(LifeCaches::new(caches, owner_key));
        self
    }

    /// Goes on counting commands where an earlier life of the machine stopped: what was left running there says so
    /// under its number.
    #[must_use]
    pub fn after(mut self, commands: u32) -> Self {
        self.commands = commands;
        self
    }

    /// How many commands the machine was given, in all its lives.
    pub fn commands(&self) -> u32 {
        self.commands
    }

    /// Runs a command to its end (or, in the background, to the end of its first moment).
    ///
    /// # Errors
    /// When the machine itself failed; a failing command is a [`CommandEnd`].
    pub fn execute_and_hear(
        &mut self,
        command: &Command,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<CommandEnd, BackendError> {
        // Until the end of this call, which waits until everything was shown.
        let _terminal = self.terminal.take();
        let setup_files = match command.setup_files.as_slice() {
            [] => Vec::new(),
            paths => asking::show_setup_files(&self.server, paths)?,
        };
        let notes = self.show_caches(&command.caches)?;
        self.tell_unheard(hear);
        notes.iter().for_each(|note| hear(Heard::Output(Stream::Stderr, note.as_bytes())));
        self.commands += 1;
        let wanted = RunCommand {
            number: self.commands,
            command: Command { setup_files, ..command.clone() },
            grace_milliseconds: u32::try_from(self.grace.as_millis()).unwrap_or(u32::MAX),
            caches: Vec::new(),
        };
        asking::run(&mut self.agent, wanted, hear)
    }

    /// Whether something that these hold may show a secret. A machine that sees them knows it too.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn hears_secrets_of(&mut self, mounts: &[CacheMount]) -> Result<bool, BackendError> {
        if mounts.is_empty() {
            return Ok(false);
        }
        self.caches.as_mut().ok_or_else(no_caches)?.are_secret(mounts)
    }

    /// Answers what the user is to be told of them, in lines.
    fn show_caches(&mut self, mounts: &[CacheMount]) -> Result<Vec<String>, BackendError> {
        if mounts.is_empty() {
            return Ok(Vec::new());
        }
        let (caches, agent) = (self.caches.as_mut().ok_or_else(no_caches)?, &mut self.agent);
        let unheard = &mut self.unheard;
        caches.show(mounts, &mut |request| agent.ask(request, &mut |reply| unheard.push(reply)))
    }

    /// Takes what was written to the caches since the last call, in a machine of this secrecy.
    ///
    /// # Errors
    /// When the store can't take it, or the machine is gone.
    pub fn keep_caches(&mut self, secrecy: &Secrecy) -> Result<KeptCaches, BackendError> {
        let Some(caches) = &mut self.caches else { return Ok(KeptCaches::default()) };
        let (agent, unheard) = (&mut self.agent, &mut self.unheard);
        caches.keep(secrecy, &mut |request| agent.ask(request, &mut |reply| unheard.push(reply)))
    }

    /// Gives the next command a terminal in the guest, joined to this one.
    ///
    /// # Errors
    /// When this is none, or the guest can't make one.
    pub fn give_terminal(&mut self, terminal: BorrowedFd<'_>) -> Result<(), BackendError> {
        let (joined, path) = JoinedTerminal::join(terminal, &self.connector)
            .doing(|| "make a terminal in the virtual machine".to_owned())?;
        match self.ask(&Request::TerminalAt(path))? {
            Reply::Done => {
                self.terminal = Some(joined);
                Ok(())
            }
            other => Err(unexpected(other)),
        }
    }

    /// What came since, while no command ran.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn hear(&mut self, hear: &mut dyn FnMut(Heard<'_>)) -> Result<(), BackendError> {
        match self.ask(&Request::Hear)? {
            Reply::Done => {}
            other => return Err(unexpected(other)),
        }
        self.tell_unheard(hear);
        Ok(())
    }

    /// No command runs: all of it is of earlier ones.
    fn tell_unheard(&mut self, hear: &mut dyn FnMut(Heard<'_>)) {
        std::mem::take(&mut self.unheard).iter().for_each(|reply| asking::tell(0, reply, hear));
    }

    /// Asks something, and keeps what earlier commands wrote meanwhile for the next one to tell.
    fn ask(&mut self, request: &Request) -> Result<Reply, BackendError> {
        let unheard = &mut self.unheard;
        self.agent.ask(request, &mut |reply| unheard.push(reply))
    }

    /// Makes repository files visible.
    ///
    /// # Errors
    /// When the destination can't hold them.
    pub fn copy(&mut self, request: &CopyRequest) -> Result<CopiedFiles, BackendError> {
        let planned = self.plan_copy(request)?;
        self.lay_over(planned)
    }

    fn plan_copy(&mut self, request: &CopyRequest) -> Result<PlannedCopy, BackendError> {
        let place = asking::resolve(&mut |asked| self.ask(asked), request)?;
        asking::plan_copy(&self.repository, request, &place)
    }

    fn lay_over(&mut self, planned: PlannedCopy) -> Result<CopiedFiles, BackendError> {
        let layer = self.server.add_layer(&planned.files);
        let layer = layer.doing(|| "show repository files".to_owned())?;
        asking::lay_over(&mut |asked| self.ask(asked), layer, planned)
    }

    /// Shows today's repository in a guest that has seen another day's.
    ///
    /// # Errors
    /// `Refused` when processes use what would have to be replaced. The guest is of no further use then.
    pub fn start_over(&mut self, today: &Today) -> Result<(), BackendError> {
        let shown = self.shown()?;
        let (names, files): (Vec<String>, Vec<CopiedFiles>) = shown.into_iter().unzip();
        let showing = || "show today's repository files".to_owned();
        let mut layers = Vec::new();
        for (before, files) in names.into_iter().zip(&files) {
            layers.push((before, self.server.add_layer(files).doing(showing)?));
        }
        let news = changed_since(&self.repository, &files, today.since_nanoseconds, &today.had);
        let renewal = Renewal {
            layers,
            changed_layer: self.server.add_layer(&news.changed).doing(showing)?,
            changed: machine_paths(news.changed.entries),
            gone: machine_paths(news.gone),
        };
        match self.ask(&Request::Renew(renewal))? {
            Reply::Done => {}
            other => return Err(unexpected(other)),
        }
        today.copies.iter().try_for_each(|request| self.copy_what_is_new(request, &files))
    }

    /// The layers that COPY has shown, with their files.
    fn shown(&mut self) -> Result<Vec<(String, CopiedFiles)>, BackendError> {
        let names = match self.ask(&Request::ShownLayers)? {
            Reply::ShownLayers(names) => names,
            other => return Err(unexpected(other)),
        };
        let files = |name: String| {
            let files = self.server.files_of(&name);
            let unknown =
                || BackendError::Stopped(format!("it shows `{name}`, which nobody gave it"));
            files.ok_or_else(unknown).map(|files| (name.clone(), files))
        };
        names.into_iter().map(files).collect()
    }

    /// A pattern may match what it did not match then.
    fn copy_what_is_new(
        &mut self,
        request: &CopyRequest,
        known: &[CopiedFiles],
    ) -> Result<(), BackendError> {
        match self.plan_copy(request)?.besides(known) {
            Some(planned) => self.lay_over(planned).map(|_| ()),
            None => Ok(()),
        }
    }

    /// What was asked of the repository since the last call.
    pub fn take_reads(&self) -> ReadSet {
        self.server.take_reads()
    }

    /// What the guest was told of files, for a snapshot. Nothing is asked while its processors stand still.
    pub fn save_files(&self) -> SavedFiles {
        self.server.save()
    }

    /// The way to its ports.
    pub fn ports(&self) -> Arc<dyn Ports> {
        Arc::clone(&self.ports) as Arc<dyn Ports>
    }

    /// What the guest could not be made.
    pub fn notes(&self) -> &[String] {
        self.agent.notes()
    }
}

fn machine_paths(entries: Vec<CopiedEntry>) -> Vec<String> {
    entries.into_iter().map(|entry| entry.machine_path).collect()
}

fn no_caches() -> BackendError {
    BackendError::Unavailable("this machine has no caches".to_owned())
}

/// Tells a restored guest the time, and gives it randomness of its own.
fn wake(agent: &mut GuestAgent) -> Result<(), BackendError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut randomness = [0; 32];
    draw(&mut randomness).doing(|| "draw randomness for a restored machine".to_owned())?;
    let waking = Waking {
        wall_clock_nanoseconds: i64::try_from(now.as_nanos()).unwrap_or(i64::MAX),
        randomness,
    };
    match agent.ask(&Request::Wake(waking), &mut |_| {})? {
        Reply::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}
