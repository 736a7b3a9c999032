//! Putting a file descriptor at the number a program expects it at.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Makes `number` a copy of `descriptor` that survives `exec`. What `number` was before is closed, whoever owned
/// it; so this is for a process that is about to `exec`.
pub(crate) fn place_descriptor(descriptor: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: dup2 takes plain integers and touches no memory of ours. The source is open for the borrow's life.
    let answer = unsafe { libc::dup2(descriptor.as_raw_fd(), number) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
