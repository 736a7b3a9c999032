//! The process of a machine, from the moment that the nursery forked it to its end: it lets go of what the nursery has,
//! gives up everything else and does what it is told.

use super::entry::{Ground, die_with_parent};
use super::protocol::Answer;
use super::{channel, serve, walls};
use crate::kvm::hypervisor::page_facts;
use crate::kvm::jail::{Confinement, Role};
use crate::sys::{keep_descriptors, leave, place_descriptor};
use rustix::process::{PidfdFlags, getpid, pidfd_open, setsid};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

/// Lives. Standard error is what the machine's serial line prints to.
pub(super) fn live(ground: &Ground, ends: [OwnedFd; 3]) -> ! {
    if let Err(error) = begin(ground, ends) {
        // The run keeps what is said here.
        let _ = writeln!(io::stderr(), "the machine's process ended: {error}");
        leave(1)
    }
    leave(0)
}

fn begin(ground: &Ground, [orders, news, printed]: [OwnedFd; 3]) -> io::Result<()> {
    die_with_parent()?;
    setsid()?;
    place_descriptor(ground.nothing.as_fd(), 0)?;
    place_descriptor(ground.nothing.as_fd(), 1)?;
    place_descriptor(printed.as_fd(), 2)?;
    let facts = ground.facts.try_clone()?;
    let [orders, news, facts] = keep_descriptors(&ground.proof, [orders, news, facts])?;
    // It was copied, and is closed by now.
    std::mem::forget(printed);
    let handle = pidfd_open(getpid(), PidfdFlags::empty())?;
    let page_facts = page_facts(&facts);
    let mut lacking = ground.lacking.clone();
    walls::give_up_everything(&ground.proof, &facts, &mut lacking)?;
    drop(facts);
    Confinement::of(Role::Anybody)?.enter()?;
    Confinement::of(Role::Maker)?.enter()?;
    channel::send(&orders, Answer::Ready { lacking }, &[handle.as_fd()])?;
    drop(handle);
    serve::serve(&orders, news, page_facts)
}
