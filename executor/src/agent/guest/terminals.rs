//! Terminals of commands: made for whoever connects over vsock, in the process that also leads to ports, so that one
//! is at work while the agent waits for the command in it.

use super::super::protocol::{self, ProtocolError};
use super::super::terminal::{TERMINAL_FRAME_BYTES, TerminalReply, TerminalSetup, Typed};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;

/// Bytes shown at once.
const PIECE_BYTES: usize = 64 * 1024;

/// How long a terminal is silent until what was left running in an ended command counts as having said all.
const LAST_WORDS: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A terminal, and what the machine knows it as.
struct Made {
    ours: File,
    /// Held so that it stays there while nobody in the machine has it.
    theirs: OwnedFd,
    path: String,
}

fn make(setup: &TerminalSetup) -> io::Result<Made> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    setup.apply(&theirs)?;
    let path = ptsname(&ours, Vec::new())?.to_string_lossy().into_owned();
    Ok(Made { ours: ours.into(), theirs, path })
}

/// Makes the terminal that this connection asks for, and passes on what is typed and shown until the executor ends its
/// half.
pub(crate) fn serve(mut executor: UnixStream) -> Result<(), ProtocolError> {
    let setup: TerminalSetup = protocol::receive_within(&mut executor, TERMINAL_FRAME_BYTES)?;
    let Made { ours, theirs, path } = match make(&setup) {
        Ok(made) => made,
        Err(error) => {
            let reply = TerminalReply::Failed(error.raw_os_error().unwrap_or(0));
            return protocol::send(&mut executor, &reply);
        }
    };
    protocol::send(&mut executor, &TerminalReply::Made { path })?;
    let (over, is_over) = io::pipe()?;
    let (mut keyboard, shown) = (ours.try_clone()?, executor.try_clone()?);
    let showing = thread::Builder::new().spawn(move || {
        // Whoever looks may be gone.
        let _gone = show(&ours, shown, &over);
    })?;
    let typed = type_all(&mut executor, &mut keyboard);
    drop((is_over, theirs));
    let _panicked = showing.join();
    typed
}

/// Until the executor ends its half, or breaks a rule.
fn type_all(executor: &mut UnixStream, keyboard: &mut File) -> Result<(), ProtocolError> {
    loop {
        match protocol::receive_within(executor, TERMINAL_FRAME_BYTES) {
            Ok(Typed::Keys(keys)) => keyboard.write_all(&keys)?,
            Ok(Typed::Size(size)) => size.apply(&*keyboard)?,
            Err(ProtocolError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Until the command is over and nothing comes any more.
fn show(ours: &File, mut to: UnixStream, over: &io::PipeReader) -> io::Result<()> {
    let mut is_over = false;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let mut watched = vec![PollFd::new(ours, PollFlags::IN)];
        watched.extend((!is_over).then(|| PollFd::from_borrowed_fd(over.as_fd(), PollFlags::IN)));
        let count = match poll(&mut watched, is_over.then_some(&LAST_WORDS)) {
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let news: Vec<PollFlags> = watched.iter().map(PollFd::revents).collect();
        if is_over && count == 0 {
            break;
        }
        is_over |= news.get(1).is_some_and(|news| !news.is_empty());
        if news.first().is_some_and(|news| !news.is_empty()) {
            // With nobody left in it, reading it is an error.
            let Ok(length @ 1..) = (&*ours).read(&mut piece) else { break };
            to.write_all(piece.get(..length).unwrap_or_default())?;
        }
    }
    to.shutdown(Shutdown::Write)
}
