//! The process of a machine, from its start to its end. It is two: the *keeper*, which is in the run's process namespace and
//! does nothing but wait, so that the run hears how the other ended; and the machine's own, process 1 of a namespace
//! in which nobody else is. Each dies with its parent, so nothing is left when the run is killed.

use super::protocol::{Answer, Order};
use super::{channel, serve, walls};
use crate::kvm::hypervisor::own_page_facts;
use crate::kvm::jail::{Confinement, Role};
use crate::sys::{
    Fork, SingleThreaded, close_inherited_descriptors_from, fork, leave, place_descriptor,
};
use rustix::process::{PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, setsid, waitpid};
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// First argument of a process that is to have a machine. Standard input is where orders come from, standard output where the
/// machine's end is told, standard error what its serial line prints.
pub(super) const MACHINE_ARGUMENT: &str = "\u{2}layerc-machine";

/// Added to the number of the signal that ended the machine's process: the keeper's exit code.
pub(super) const BY_SIGNAL: i32 = 128;

/// Becomes the process of a machine if this one was started as one, and returns its exit code; otherwise does nothing.
pub(crate) fn run_if_machine() -> Option<ExitCode> {
    if std::env::args_os().nth(1)? != MACHINE_ARGUMENT {
        return None;
    }
    let Err(error) = live();
    // The run keeps what is said here.
    let _ = writeln!(io::stderr(), "the machine's process ended: {error}");
    Some(ExitCode::FAILURE)
}

fn live() -> io::Result<Infallible> {
    close_inherited_descriptors_from(3);
    setsid()?;
    let proof = SingleThreaded::prove()?;
    die_with_parent()?;
    let Some((Order::Begin, _)) = channel::receive::<Order>(io::stdin())? else {
        return Err(io::Error::other("nobody says what to begin with"));
    };
    let nothing = File::open("/dev/null")?;
    let mut lacking = walls::leave_namespaces(&proof);
    match fork(&proof)? {
        Fork::Parent(machine) => {
            keep(&nothing, machine)?;
        }
        Fork::Child => {
            die_with_parent()?;
            let (orders, news) =
                (take(&io::stdin(), 0, &nothing)?, take(&io::stdout(), 1, &nothing)?);
            drop(nothing);
            let (page_facts, handle) =
                (own_page_facts(), pidfd_open(getpid(), PidfdFlags::empty())?);
            walls::give_up_everything(&mut lacking)?;
            Confinement::of(Role::Anybody)?.enter()?;
            Confinement::of(Role::Maker)?.enter()?;
            channel::send(&orders, Answer::Ready { lacking }, &[handle.as_fd()])?;
            drop(handle);
            serve::serve(&orders, news, page_facts)?;
        }
    }
    leave(0)
}

/// Takes over what has a standard number, where nothing is from now on.
fn take(standard: &impl AsFd, number: i32, nothing: &File) -> io::Result<OwnedFd> {
    let taken = standard.as_fd().try_clone_to_owned()?;
    place_descriptor(nothing.as_fd(), number)?;
    Ok(taken)
}

/// Waits, holding nothing, and ends as the other did.
fn keep(nothing: &File, machine: rustix::process::Pid) -> io::Result<Infallible> {
    for number in 0..3 {
        place_descriptor(nothing.as_fd(), number)?;
    }
    walls::give_up_powers()?;
    loop {
        match waitpid(Some(machine), WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(Some((_, status))) => {
                let by_signal = status.terminating_signal().map(|signal| BY_SIGNAL + signal);
                leave(status.exit_status().or(by_signal).unwrap_or(1))
            }
            Ok(None) | Err(_) => leave(1),
        }
    }
}

/// Set anew after each change of powers, which clears it.
fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}
