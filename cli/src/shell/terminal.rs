//! A terminal for the machine, joined to this one: bytes go both ways unchanged, the size follows, and keys that make
//! signals make them in the machine.
//!
//! The machine gets one side of a pseudo-terminal of this host. This side is in raw mode until the shell ends.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use signal_hook::consts::SIGWINCH;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

/// Bytes passed on at once.
const CHUNK_BYTES: usize = 1 << 16;

/// The terminal that this process was started from, as it was.
pub(super) struct Terminal {
    before: Termios,
}

/// A terminal that was made for a machine.
pub(super) struct MadeTerminal {
    before: Termios,
    ours: OwnedFd,
    machine: OwnedFd,
}

/// Joins the two until it is dropped.
pub(super) struct Relay {
    before: Termios,
    done: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Terminal {
    /// If input and output are one.
    pub(super) fn of_this_process() -> Option<Self> {
        tcgetwinsize(stdout()).ok()?;
        Some(Self { before: tcgetattr(stdin()).ok()? })
    }

    /// Makes one of the same size for a machine.
    pub(super) fn open(self) -> io::Result<MadeTerminal> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let machine = ioctl_tiocgptpeer(&ours, flags)?;
        tcsetattr(&machine, OptionalActions::Now, &self.before)?;
        tcsetwinsize(&ours, tcgetwinsize(stdout())?)?;
        Ok(MadeTerminal { before: self.before, ours, machine })
    }
}

impl MadeTerminal {
    /// The side that the machine gets.
    pub(super) fn machine(&self) -> BorrowedFd<'_> {
        self.machine.as_fd()
    }

    /// Joins it to the terminal of this process.
    pub(super) fn relay(self) -> Relay {
        let Self { before, ours, machine } = self;
        // From here on only the machine holds its side.
        drop(machine);
        let mut raw = before.clone();
        raw.make_raw();
        let _not_raw = tcsetattr(stdin(), OptionalActions::Now, &raw);
        let (done, thread) = match UnixStream::pair() {
            Ok((done, is_done)) => (
                Some(done),
                std::thread::Builder::new().spawn(move || pass_on(&ours, &is_done)).ok(),
            ),
            Err(_) => (None, None),
        };
        Relay { before, done, thread }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.done = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
        let _not_restored = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

/// Passes bytes on until the other end of `is_done` is closed and everything the machine wrote has been shown.
fn pass_on(ours: &OwnedFd, is_done: &UnixStream) {
    let resized = UnixStream::pair().ok().and_then(|(heard, signalled)| {
        signal_hook::low_level::pipe::register(SIGWINCH, signalled).ok()?;
        heard.set_nonblocking(true).ok()?;
        Some(heard)
    });
    loop {
        let mut watched = vec![
            PollFd::new(ours, PollFlags::IN),
            PollFd::new(is_done, PollFlags::IN),
            PollFd::from_borrowed_fd(stdin(), PollFlags::IN),
        ];
        watched.extend(resized.as_ref().map(|resized| PollFd::new(resized, PollFlags::IN)));
        match poll(&mut watched, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        let news: Vec<bool> = watched.iter().map(|watch| !watch.revents().is_empty()).collect();
        let has_news = |place: usize| news.get(place) == Some(&true);
        if has_news(3)
            && let Some(mut resized) = resized.as_ref()
        {
            let _drained = io::Read::read(&mut resized, &mut [0; 64]);
            if let Ok(size) = tcgetwinsize(stdout()) {
                let _gone = tcsetwinsize(ours, size);
            }
        }
        if has_news(0) {
            if !pass(ours.as_fd(), stdout()) {
                return;
            }
        } else if has_news(1) {
            return;
        }
        if has_news(2) && !has_news(1) {
            pass(stdin(), ours.as_fd());
        }
    }
}

/// Whether there was something to pass on.
fn pass(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> bool {
    let mut buffer = vec![0; CHUNK_BYTES];
    let Ok(count) = read(from, &mut buffer) else { return false };
    let mut rest = buffer.get(..count).unwrap_or_default();
    while !rest.is_empty() {
        match write(to, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    count > 0
}
