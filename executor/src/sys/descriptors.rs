//! File descriptors: putting one at the number a program expects it at, lending one that a library only gives the number of.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use vmm_sys_util::eventfd::EventFd;

/// Makes `number` a copy of `descriptor` that survives `exec`. What `number` was before is closed, whoever owned
/// it; so this is for a process that is about to `exec`.
pub(crate) fn place_descriptor(descriptor: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: dup2 takes plain integers and touches no memory of ours. The source is open for the borrow's life.
    let answer = unsafe { libc::dup2(descriptor.as_raw_fd(), number) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The descriptor of an event, for as long as the event lives.
pub(crate) fn event_descriptor(event: &EventFd) -> BorrowedFd<'_> {
    // SAFETY: the event owns an open descriptor until it is dropped, and the borrow ends before that. It is not -1: the
    // event was made by a system call that succeeded.
    unsafe { BorrowedFd::borrow_raw(event.as_raw_fd()) }
}
