//! From a directory of the store to an agent that is ready: starts the program, writes its identity maps, takes the
//! handles it passes.

use super::control_groups::ControlGroups;
use super::failure::{Doing, disconnected, unexpected};
use super::identities::Identities;
use crate::agent::protocol::{
    self, MachineSetup, PROTOCOL_VERSION, Reply, Request, Task, TrackedFiles,
};
use crate::agent::{AGENT_ARGUMENT, receive_descriptor, send_descriptor};
use crate::asking::Ask;
use crate::backend::BackendError;
use crate::tracked::FUSE_DEVICE;
use crossbeam_channel::{Sender, bounded};
use rustix::process::{Signal, pidfd_send_signal};
use std::fs::{self, File};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;

/// File of the run directory that takes the agent's last words.
const LAST_WORDS: &str = "agent-log";

/// Most bytes of last words that are told.
const LAST_WORDS_LIMIT: usize = 2000;

/// A connected agent.
#[derive(Debug)]
pub(super) struct Agent {
    socket: UnixStream,
    keeper: Child,
    /// Process 1 of the machine.
    pub(super) init: Arc<OwnedFd>,
    /// The repository's FUSE device, or why there is none.
    pub(super) fuse_device: Result<OwnedFd, String>,
    /// The FUSE device of the mount for large files, if there is one.
    pub(super) large_files_device: Option<OwnedFd>,
    /// What the host did not allow.
    pub(super) notes: Vec<String>,
    run_directory: PathBuf,
    /// Dropped last: a group can go when its processes are gone.
    _groups: ControlGroups,
}

/// An agent that was started and waits to be told what its machine is.
#[derive(Debug)]
pub(super) struct BegunAgent {
    socket: UnixStream,
    keeper: Child,
    joined: io::Result<()>,
    run_directory: PathBuf,
    groups: ControlGroups,
}

impl BegunAgent {
    /// Starts `program` as the agent of the machine of this run directory.
    pub(super) fn of(
        program: &Path,
        run_directory: &Path,
        groups: ControlGroups,
    ) -> Result<Self, BackendError> {
        let words = run_directory.join(LAST_WORDS);
        let words = File::create(&words).doing(|| format!("make {}", words.display()))?;
        let (socket, keeper) = start_program(program, words.into())?;
        // Before the agent makes its first child.
        let joined = groups.add(keeper.id());
        Ok(Self { socket, keeper, joined, run_directory: run_directory.to_owned(), groups })
    }

    /// Has it make the machine, or ends it when what the machine is could not be told.
    pub(super) fn set_up_or_stop(
        self,
        setup: Result<MachineSetup, BackendError>,
        identities: &Identities,
    ) -> Result<Agent, BackendError> {
        let Self { mut socket, mut keeper, joined, run_directory, groups } = self;
        let hands = setup.map_err(Trouble::Backend);
        match hands.and_then(|setup| shake_hands(&mut socket, keeper.id(), setup, identities)) {
            Ok(hands) => Ok(Agent {
                socket,
                keeper,
                init: Arc::new(hands.init),
                fuse_device: hands.fuse_device,
                large_files_device: hands.large_files_device,
                notes: hands.notes.into_iter().chain(not_joined(joined)).collect(),
                run_directory,
                _groups: groups,
            }),
            Err(error) => {
                drop(socket);
                let _ = keeper.kill();
                let _ = keeper.wait();
                Err(explain(error, &run_directory))
            }
        }
    }
}

impl Agent {
    /// Asks something and passes a descriptor along.
    pub(super) fn pass(
        &mut self,
        request: &Request,
        descriptor: BorrowedFd<'_>,
    ) -> Result<Reply, BackendError> {
        let asked = protocol::send(&mut self.socket, request);
        asked.map_err(|error| disconnected(&error, &last_words(&self.run_directory)))?;
        send_descriptor(&self.socket, descriptor)
            .doing(|| "pass a file descriptor to the machine".to_owned())?;
        self.hear_answer(&mut |_| {})
    }

    fn hear_answer(&mut self, hear: &mut dyn FnMut(Reply)) -> Result<Reply, BackendError> {
        loop {
            let reply = protocol::receive(&mut self.socket);
            match reply.map_err(|error| disconnected(&error, &last_words(&self.run_directory)))? {
                news @ (Reply::Output { .. } | Reply::BackgroundEnded { .. }) => hear(news),
                answer => return Ok(answer),
            }
        }
    }
}

impl Ask for Agent {
    fn ask(
        &mut self,
        request: &Request,
        hear: &mut dyn FnMut(Reply),
    ) -> Result<Reply, BackendError> {
        let asked = protocol::send(&mut self.socket, request);
        asked.map_err(|error| disconnected(&error, &last_words(&self.run_directory)))?;
        self.hear_answer(hear)
    }
}

impl Drop for Agent {
    /// Ends everything in the machine and waits until it is gone, mounts included.
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&*self.init, Signal::KILL);
        let _ = self.keeper.wait();
    }
}

fn not_joined(joined: io::Result<()>) -> Option<String> {
    joined.err().map(|error| format!("the limits on memory and processes are not set: {error}"))
}

/// What an agent passes on its way to being ready.
struct Hands {
    init: OwnedFd,
    fuse_device: Result<OwnedFd, String>,
    large_files_device: Option<OwnedFd>,
    notes: Vec<String>,
}

/// Why it did not come to be ready.
enum Trouble {
    Protocol(protocol::ProtocolError),
    Backend(BackendError),
}

impl From<protocol::ProtocolError> for Trouble {
    fn from(error: protocol::ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<BackendError> for Trouble {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}

fn shake_hands(
    socket: &mut UnixStream,
    process: u32,
    machine: MachineSetup,
    identities: &Identities,
) -> Result<Hands, Trouble> {
    let tracked = machine.tracked;
    begin(socket, process, Task::Machine(machine), identities)?;
    let fuse_device = match tracked {
        TrackedFiles::Mounted | TrackedFiles::MountedTwice => receive_repository(socket)?,
        TrackedFiles::Absent => Err("the machine was made without a repository".to_owned()),
    };
    let large_files_device = match tracked {
        TrackedFiles::MountedTwice => receive_repository(socket)?.ok(),
        TrackedFiles::Mounted | TrackedFiles::Absent => None,
    };
    expect(socket, &Reply::InitStarted)?;
    let init =
        receive_descriptor(&*socket).doing(|| "receive the handle of process 1".to_owned())?;
    protocol::send(socket, &Request::Begin)?;
    match protocol::receive(socket)? {
        Reply::Ready { notes } => Ok(Hands { init, fuse_device, large_files_device, notes }),
        other => Err(unexpected(other).into()),
    }
}

/// As far as a user namespace with its numbers.
fn begin(
    socket: &mut UnixStream,
    process: u32,
    task: Task,
    identities: &Identities,
) -> Result<(), Trouble> {
    protocol::send(socket, &Request::Hello { version: PROTOCOL_VERSION, task })?;
    expect(socket, &Reply::MapIdentities)?;
    identities.write(process)?;
    Ok(protocol::send(socket, &Request::IdentitiesMapped)?)
}

fn receive_repository(socket: &mut UnixStream) -> Result<Result<OwnedFd, String>, Trouble> {
    match protocol::receive(socket)? {
        Reply::RepositoryMounted => {
            Ok(Ok(receive_descriptor(&*socket).doing(|| "receive the FUSE device".to_owned())?))
        }
        Reply::NoRepository(reason) => Ok(Err(format!(
            "cannot mount the repository through {FUSE_DEVICE}: {reason}; COPY needs this device to be there \
                 (`modprobe fuse`) and open to its user (`chmod 666 {FUSE_DEVICE}`, as root)"
        ))),
        other => Err(unexpected(other).into()),
    }
}

/// Starts an agent whose standard input is the socket that is returned.
fn start_program(program: &Path, words: Stdio) -> Result<(UnixStream, Child), BackendError> {
    let (ours, theirs) = UnixStream::pair().doing(|| "make a socket pair".to_owned())?;
    let mut command = Command::new(program);
    command
        .arg(AGENT_ARGUMENT)
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(words);
    Ok((ours, spawn_lasting(command).doing(|| format!("start {}", program.display()))?))
}

/// Has an agent do something that is not a machine, with a machine's numbers, and gives its last answer.
pub(super) fn have_done(
    task: Task,
    program: &Path,
    identities: &Identities,
) -> Result<Reply, BackendError> {
    let (mut socket, mut process) = start_program(program, Stdio::null())?;
    let answer = begin(&mut socket, process.id(), task, identities)
        .and_then(|()| Ok(protocol::receive(&mut socket)?))
        .map_err(|trouble| explain(trouble, Path::new("")));
    drop(socket);
    let _ = process.wait();
    answer
}

fn expect(socket: &mut UnixStream, wanted: &Reply) -> Result<(), Trouble> {
    match protocol::receive::<Reply>(socket)? {
        reply if reply == *wanted => Ok(()),
        other => Err(unexpected(other).into()),
    }
}

fn explain(trouble: Trouble, run_directory: &Path) -> BackendError {
    match trouble {
        Trouble::Protocol(error) => disconnected(&error, &last_words(run_directory)),
        Trouble::Backend(BackendError::System { action, source })
            if action.contains("user namespace") =>
        {
            BackendError::Unavailable(format!(
                "cannot {action}: {source}. The overlay backend needs user namespaces: see the sysctls \
                 `user.max_user_namespaces`, `kernel.unprivileged_userns_clone` and \
                 `kernel.apparmor_restrict_unprivileged_userns`; in a container, run it privileged"
            ))
        }
        Trouble::Backend(error) => error,
    }
}

fn last_words(run_directory: &Path) -> String {
    let words = fs::read(run_directory.join(LAST_WORDS)).unwrap_or_default();
    String::from_utf8_lossy(&words).chars().take(LAST_WORDS_LIMIT).collect()
}

/// A program to start, and where its process goes.
type Order = (Command, Sender<io::Result<Child>>);

/// Starts a program from a thread that lives as long as this process: the kernel ends an agent when the *thread* that
/// started it ends, and the caller's may end before the machine does.
pub(crate) fn spawn_lasting(command: Command) -> io::Result<Child> {
    static STARTER: OnceLock<Sender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, orders) = bounded::<Order>(0);
        let work = move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        };
        // Without this thread the channel is closed, which the caller hears as an error.
        let _ = thread::Builder::new().name("agent-starter".to_owned()).spawn(work);
        sender
    });
    let (sender, answer) = bounded(1);
    starter.send((command, sender)).map_err(|_| io::Error::other("cannot start a thread"))?;
    answer.recv().map_err(|_| io::Error::other("the starting thread ended"))?
}
