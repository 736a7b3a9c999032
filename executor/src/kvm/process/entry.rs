//! The *nursery*: this program, started once more by a run, which makes the processes of its machines by forking. It was
//! loaded, linked and prepared once for all of them, so each begins in no time and shares what it never changes with the
//! others.
//!
//! ```text
//! run ─► waiting ─► nursery, process 1 of a namespace ─► a machine, process 1 of one below it
//!                                                     └► another
//! ```
//!
//! It knows nothing of any machine: no guest's memory, no disk, no key ever reaches it, and of each it has two things alone,
//! a handle and the place where its end is told. Each process dies with its parent, and all machines with the nursery, since
//! it is the first of the namespace that theirs are in: nothing is left when the run is killed.

use super::protocol::{Fate, Request};
use super::walls::{self, Children};
use super::{birth, channel};
use crate::kvm::jail::{Confinement, Role};
use crate::sys::{
    Fork, SingleThreaded, close_inherited_descriptors_from, fork, leave, let_go, place_descriptor,
    share_one_heap,
};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, kill_process, pidfd_open, setsid, waitpid,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// First argument of a nursery. Standard input is where it is asked for processes, standard error where it says why it ends.
pub(super) const NURSERY_ARGUMENT: &str = "\u{2}layerc-nursery";

/// Becomes a nursery if this process was started as one, and returns its exit code; otherwise does nothing.
pub(crate) fn run_if_nursery() -> Option<ExitCode> {
    if std::env::args_os().nth(1)? != NURSERY_ARGUMENT {
        return None;
    }
    let Err(error) = live();
    // The run keeps what is said here.
    let _ = writeln!(io::stderr(), "{error}");
    Some(ExitCode::FAILURE)
}

fn live() -> io::Result<Infallible> {
    close_inherited_descriptors_from(3);
    setsid()?;
    let proof = SingleThreaded::prove()?;
    die_with_parent()?;
    let nothing = File::open("/dev/null")?;
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let facts = open("/proc", directory, Mode::empty())?;
    share_one_heap();
    let mut lacking = walls::leave_host(&proof, &facts);
    let children = walls::separate_next_child(&proof, &mut lacking);
    match fork(&proof)? {
        Fork::Parent(nursery) => keep(&nothing, nursery),
        Fork::Child => {
            die_with_parent()?;
            let requests = io::stdin().as_fd().try_clone_to_owned()?;
            place_descriptor(nothing.as_fd(), 0)?;
            let own = match children {
                Children::Apart => Some(own_processes(&facts)?),
                Children::Beside => None,
            };
            let ground = Ground { proof, nothing: nothing.into(), facts, lacking };
            Nursery { ground, own, requests, processes: Vec::new() }.raise()
        }
    }
}

/// The namespace of processes that this one is in.
fn own_processes(facts: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(facts, "self/ns/pid", flags, Mode::empty())?)
}

/// Waits, holding nothing, and ends when the other did.
fn keep(nothing: &File, nursery: Pid) -> io::Result<Infallible> {
    for number in 0..3 {
        place_descriptor(nothing.as_fd(), number)?;
    }
    walls::give_up_powers()?;
    let_go();
    loop {
        match waitpid(Some(nursery), WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(Some((_, status))) => leave(status.exit_status().unwrap_or(1)),
            Ok(None) | Err(_) => leave(1),
        }
    }
}

/// Set anew after each fork and each change of powers, which clear it.
pub(super) fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// What every process for a machine begins with.
pub(super) struct Ground {
    pub(super) proof: SingleThreaded,
    /// `/dev/null`.
    pub(super) nothing: OwnedFd,
    /// The host's directory of processes.
    pub(super) facts: OwnedFd,
    /// Walls that this host doesn't permit.
    pub(super) lacking: Vec<String>,
}

/// A process that was asked for.
struct Born {
    process: Pid,
    handle: OwnedFd,
    /// Where its end is told.
    end: OwnedFd,
}

struct Nursery {
    ground: Ground,
    /// The namespace of processes that it is in, if that is its own.
    own: Option<OwnedFd>,
    requests: OwnedFd,
    processes: Vec<Born>,
}

impl Nursery {
    /// Makes what is asked for and tells ends, until nobody is there to ask.
    fn raise(mut self) -> io::Result<Infallible> {
        for role in Role::ALL {
            Confinement::of(role)?;
        }
        let_go();
        loop {
            let asked = self.wait()?;
            self.tell_ends();
            if asked {
                match channel::receive::<Request>(&self.requests)? {
                    None => leave(0),
                    Some((Request::Process, descriptors)) => {
                        let ends = <[OwnedFd; 4]>::try_from(descriptors);
                        self.bear(ends.map_err(|_| io::ErrorKind::InvalidData)?);
                    }
                }
            }
        }
    }

    /// Until a process ends or is asked for, which is the answer.
    fn wait(&self) -> io::Result<bool> {
        let mut waited: Vec<_> = std::iter::once(&self.requests)
            .chain(self.processes.iter().map(|born| &born.handle))
            .map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
            .collect();
        match poll(&mut waited, None) {
            Err(rustix::io::Errno::INTR) => Ok(false),
            polled => {
                polled?;
                Ok(waited.first().is_some_and(|requests| !requests.revents().is_empty()))
            }
        }
    }

    /// Of those that have ended.
    fn tell_ends(&mut self) {
        self.processes.retain(|born| match waitpid(Some(born.process), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => {
                tell(&born.end, fate(status));
                false
            }
            // Nobody can tell any more how it ended.
            Err(rustix::io::Errno::CHILD) => false,
            Ok(None) | Err(_) => true,
        });
    }

    fn bear(&mut self, [orders, news, printed, end]: [OwnedFd; 4]) {
        match self.fork([orders, news, printed]) {
            Ok((process, handle)) => self.processes.push(Born { process, handle, end }),
            Err(error) => tell(&end, Fate::Unborn(error.to_string())),
        }
    }

    fn fork(&mut self, ends: [OwnedFd; 3]) -> io::Result<(Pid, OwnedFd)> {
        let Ground { proof, lacking, .. } = &mut self.ground;
        if self.own.is_some() {
            walls::separate_next_child(proof, lacking);
        }
        let forked = fork(proof);
        if let Ok(Fork::Child) = forked {
            birth::live(&self.ground, ends);
        }
        if let Some(own) = &self.own {
            // Its next child must not come to be where this one is.
            let back = move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::ProcessID));
            back.unwrap_or_else(|_| leave(1));
        }
        match forked? {
            Fork::Parent(process) => match pidfd_open(process, PidfdFlags::empty()) {
                Ok(handle) => Ok((process, handle)),
                Err(error) => {
                    let _ = kill_process(process, Signal::KILL);
                    let _ = waitpid(Some(process), WaitOptions::empty());
                    Err(error.into())
                }
            },
            Fork::Child => leave(1),
        }
    }
}

fn fate(status: WaitStatus) -> Fate {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Fate::Exited(code),
        (None, signal) => Fate::Signalled(signal.unwrap_or(0)),
    }
}

fn tell(end: &OwnedFd, fate: Fate) {
    // Nobody may be there to hear it.
    let _ = channel::send(end, fate, &[]);
}
