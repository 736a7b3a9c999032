//! The machine's way out: pasta, which carries what a machine sends through sockets of this host's own network.
//!
//! pasta must see both networks, so it can't live in the machine; and it must go with the machine, however that ends. So
//! a process that is in the agent's user namespace, but in a process namespace of its own, starts it: when the keeper
//! ends, so does that process, and the kernel ends everything below it. Knows nothing of machines but their handles.
//!
//! ```text
//! keeper ─► holder ─► process 1 of a namespace ─► pasta          machine ─► its network namespace
//!                         ▲ two handles, an answer ▼                              │
//!                         └───────────────────────────── process 1 of the machine ┘
//! ```

use super::failure::{Doing, Failure};
use super::inner::InnerNamespaces;
use super::protocol::{self, Reply};
use super::{receive_descriptor, send_descriptor};
use crate::sys::{Fork, SingleThreaded, fork, leave, place_descriptor, unshare};
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::process::{Signal, WaitOptions, wait, waitpid};
use rustix::thread::UnshareFlags;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Address in the machine behind which this host's name server answers.
pub(crate) const NAME_SERVER: &str = "169.254.1.53";

/// What pasta is told. No address of the machine leads to this host's loopback, and no port is forwarded in either
/// direction; names are asked of this host's name server, which may well be on its loopback.
const ARGUMENTS: [&str; 16] = [
    "--config-net",
    "--no-map-gw",
    "--tcp-ports",
    "none",
    "--udp-ports",
    "none",
    "--tcp-ns",
    "none",
    "--udp-ns",
    "none",
    "--dns-forward",
    NAME_SERVER,
    "--no-netns-quit",
    "--quiet",
    // Root of a user namespace, that is: to whom it belongs outside.
    "--runas",
    "0",
];

/// Most of what pasta says that is told.
const WORDS_LIMIT_BYTES: u64 = 2000;

/// The connection to whoever starts pasta.
#[derive(Debug)]
pub(crate) struct Outbound {
    socket: UnixStream,
}

impl Outbound {
    /// Makes the processes that wait for a machine's handles. For the keeper, before it has a process namespace to give.
    /// They let go of `foreign`, whose end must show when process 1 ends.
    pub(crate) fn prepare(
        proof: &SingleThreaded,
        program: &Path,
        directory: &Path,
        foreign: &UnixStream,
    ) -> Result<Self, Failure> {
        let (ours, theirs) = UnixStream::pair().doing(|| "make a socket pair".to_owned())?;
        match fork(proof).doing(|| "make a process".to_owned())? {
            Fork::Child => {
                drop(ours);
                let held = let_go(foreign).and_then(|()| hold(proof, program, directory, theirs));
                leave(i32::from(held.is_err()));
            }
            Fork::Parent(_) => Ok(Self { socket: ours }),
        }
    }

    /// Begins to connect a machine, whose other parts can be made meanwhile.
    pub(crate) fn connect(self, inner: &InnerNamespaces) -> Result<Connecting, Failure> {
        for handle in inner.user_and_network().into_iter().flatten() {
            send_descriptor(&self.socket, handle).doing(|| "pass a handle to pasta".to_owned())?;
        }
        Ok(Connecting { socket: self.socket })
    }
}

/// A machine that is being connected.
#[derive(Debug)]
pub(crate) struct Connecting {
    socket: UnixStream,
}

impl Connecting {
    /// Waits until it is. Otherwise says why not: the machine has its loopback interface then.
    pub(crate) fn wait(mut self) -> Result<(), String> {
        match protocol::receive(&mut self.socket) {
            Ok(Reply::Done) => Ok(()),
            Ok(Reply::Refused(reason)) => Err(reason),
            Ok(other) => Err(format!("pasta's starter answered something else: {other:?}")),
            Err(error) => Err(format!("pasta's starter is gone: {error}")),
        }
    }
}

/// Leaves nothing open through which somebody could wait for this process.
fn let_go(foreign: &UnixStream) -> Result<(), Failure> {
    let null = File::open("/dev/null").doing(|| "open /dev/null".to_owned())?;
    for number in [0, foreign.as_raw_fd()] {
        place_descriptor(null.as_fd(), number).doing(|| "let go of the socket".to_owned())?;
    }
    die_with_parent()
}

fn die_with_parent() -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .doing(|| "die with the keeper".to_owned())
}

fn hold(
    proof: &SingleThreaded,
    program: &Path,
    directory: &Path,
    socket: UnixStream,
) -> Result<(), Failure> {
    unshare(proof, UnshareFlags::NEWPID | UnshareFlags::NEWNS)
        .doing(|| "make namespaces".to_owned())?;
    match fork(proof).doing(|| "make a process".to_owned())? {
        Fork::Child => {
            die_with_parent()?;
            start_and_reap(program, directory, socket)
        }
        Fork::Parent(child) => {
            drop(socket);
            let _ = waitpid(Some(child), WaitOptions::empty());
            Ok(())
        }
    }
}

/// Process 1 of the namespace that pasta lives in.
fn start_and_reap(program: &Path, directory: &Path, mut socket: UnixStream) -> Result<(), Failure> {
    let started = start(program, directory, &socket);
    let reply = match started {
        Ok(()) => Reply::Done,
        Err(Failure::Refused(reason)) => Reply::Refused(reason),
        Err(Failure::System { action, source }) => {
            Reply::Refused(format!("cannot {action}: {source}"))
        }
        Err(Failure::Unheard(error)) => return Err(error.into()),
    };
    protocol::send(&mut socket, &reply)?;
    drop(socket);
    loop {
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            // pasta is gone, and with it the reason to be.
            Err(_) => leave(0),
        }
    }
}

/// Gives the handles names, since pasta takes only those, and waits until it has set up the machine's interface.
fn start(program: &Path, directory: &Path, socket: &UnixStream) -> Result<(), Failure> {
    let handles = [("user", receive(socket)?), ("net", receive(socket)?)];
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .doing(|| "make mounts private".to_owned())?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for (name, handle) in &handles {
        let path = directory.join(format!("namespace-{name}"));
        File::create(&path).doing(|| format!("make {}", path.display()))?;
        mount_bind(format!("/proc/self/fd/{}", handle.as_raw_fd()), &path)
            .doing(|| format!("name the machine's {name} namespace"))?;
        paths.push(path);
    }
    let mut command = Command::new(program);
    command.args(ARGUMENTS);
    for (option, path) in ["--userns", "--netns"].into_iter().zip(&paths) {
        command.arg(option).arg(path);
    }
    let words = directory.join("pasta-log");
    let log = File::create(&words).doing(|| format!("make {}", words.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .status()
        .doing(|| format!("run {}", program.display()))?;
    if status.success() {
        return Ok(());
    }
    let mut text = String::new();
    if let Ok(file) = fs::File::open(&words) {
        let _ = file.take(WORDS_LIMIT_BYTES).read_to_string(&mut text);
    }
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(Failure::Refused(format!("pasta could not start: {}", last.trim())))
}

fn receive(socket: &UnixStream) -> Result<OwnedFd, Failure> {
    receive_descriptor(socket).doing(|| "receive a handle".to_owned())
}
