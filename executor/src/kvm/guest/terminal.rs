//! A terminal of this host joined to one that the guest makes: keys and sizes go in, what is shown comes out. Raw on
//! this side, so that keys mean something only where the command is.
//!
//! Knows the connection, not who sits at the terminal.

use crate::agent::guest::TERMINALS_PORT;
use crate::agent::protocol::{self, ProtocolError};
use crate::agent::terminal::{
    MOST_TYPED_BYTES, TERMINAL_FRAME_BYTES, TerminalReply, TerminalSetup, TerminalSize, Typed,
};
use crate::kvm::devices::sockets::{Connector, GuestPort};
use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longest that a guest may take to answer, and to show the rest when its command has ended.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the size is looked at: a terminal tells only those who run in it that theirs is another one.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Joined until it is dropped, which waits until everything was shown.
#[derive(Debug)]
pub(super) struct JoinedTerminal {
    connection: UnixStream,
    /// Dropped first: the guest is told that its command has ended.
    over: Option<io::PipeWriter>,
    shown: Receiver<()>,
    threads: Vec<JoinHandle<()>>,
}

impl JoinedTerminal {
    /// Has the guest make one; answers its name there.
    ///
    /// # Errors
    /// When that is no terminal, or the guest can't make one.
    pub(super) fn join(
        terminal: BorrowedFd<'_>,
        connector: &Connector,
    ) -> io::Result<(Self, String)> {
        Self::over(terminal, connector.connect(GuestPort(TERMINALS_PORT), PATIENCE)?)
    }

    fn over(terminal: BorrowedFd<'_>, mut connection: UnixStream) -> io::Result<(Self, String)> {
        let setup = TerminalSetup::of(terminal)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        protocol::send(&mut connection, &setup).map_err(io::Error::other)?;
        let reply = protocol::receive_within(&mut connection, TERMINAL_FRAME_BYTES);
        let path = match reply.map_err(io::Error::other)? {
            TerminalReply::Made { path } => path,
            TerminalReply::Failed(error) => return Err(io::Error::from_raw_os_error(error)),
        };
        connection.set_read_timeout(None)?;
        let mut raw = tcgetattr(terminal)?;
        raw.make_raw();
        tcsetattr(terminal, OptionalActions::Now, &raw)?;
        let size = TerminalSize::of(terminal)?;
        let (is_over, over) = io::pipe()?;
        let (showing, shown) = bounded(1);
        let keyboard = Keyboard {
            terminal: terminal.try_clone_to_owned()?,
            connection: connection.try_clone()?,
            is_over,
            size,
        };
        let screen = File::from(terminal.try_clone_to_owned()?);
        let from = connection.try_clone()?;
        let threads = vec![
            thread::Builder::new().name("keyboard".to_owned()).spawn(move || keyboard.pass_on())?,
            thread::Builder::new()
                .name("screen".to_owned())
                .spawn(move || show(from, screen, showing))?,
        ];
        Ok((Self { connection, over: Some(over), shown, threads }, path))
    }
}

impl Drop for JoinedTerminal {
    fn drop(&mut self) {
        self.over = None;
        // The sender only ever goes away.
        let _gone_or_too_late = self.shown.recv_timeout(PATIENCE);
        let _ended = self.connection.shutdown(Shutdown::Both);
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

fn show(mut from: UnixStream, mut screen: File, showing: Sender<()>) {
    // Nobody may look any more.
    let _gone = io::copy(&mut from, &mut screen);
    drop(showing);
}

/// What comes from this side.
struct Keyboard {
    terminal: OwnedFd,
    connection: UnixStream,
    is_over: io::PipeReader,
    size: TerminalSize,
}

impl Keyboard {
    /// Until the command is over, or either side is gone.
    fn pass_on(mut self) {
        while matches!(self.pass_one_on(), Ok(true)) {}
        let _gone = self.connection.shutdown(Shutdown::Write);
    }

    /// Whether to go on.
    fn pass_one_on(&mut self) -> Result<bool, ProtocolError> {
        let mut watched = [
            PollFd::new(&self.terminal, PollFlags::IN),
            PollFd::from_borrowed_fd(self.is_over.as_fd(), PollFlags::IN),
        ];
        match poll(&mut watched, Some(&LOOK_EVERY)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(true),
            Err(error) => return Err(io::Error::from(error).into()),
        }
        let [typed, over] = watched.map(|watch| !watch.revents().is_empty());
        let size = TerminalSize::of(&self.terminal)?;
        if size != self.size {
            self.size = size;
            protocol::send(&mut self.connection, &Typed::Size(size))?;
        }
        if over {
            return Ok(false);
        }
        if typed {
            let mut keys = vec![0; MOST_TYPED_BYTES];
            let count = read(&self.terminal, &mut keys).map_err(io::Error::from)?;
            keys.truncate(count);
            protocol::send(&mut self.connection, &Typed::Keys(keys))?;
            self.connection.flush()?;
            return Ok(count > 0);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::guest::serve_terminal;
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    use rustix::termios::{Winsize, tcgetwinsize, tcsetwinsize};
    use std::io::Read;
    use std::process::{Command, Stdio};

    /// Both sides of a terminal of this host.
    fn terminal() -> (File, OwnedFd) {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
        (ours.into(), theirs)
    }

    fn read_until(screen: &mut File, shown: &str) {
        let (mut text, mut piece) = (String::new(), [0; 1024]);
        while !text.contains(shown) {
            let count = screen.read(&mut piece).unwrap();
            text.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
    }

    #[test]
    fn keys_sizes_and_words_reach_the_other_terminal_and_interrupt_what_runs_there() {
        let (mut sitting, given) = terminal();
        let size = |rows| Winsize { ws_row: rows, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&sitting, size(33)).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let guest = thread::spawn(move || serve_terminal(theirs));
        let (joined, path) = JoinedTerminal::over(given.as_fd(), ours).unwrap();
        let there = File::options().read(true).write(true).open(&path).unwrap();
        assert_eq!(tcgetwinsize(&there).unwrap().ws_row, 33);
        let script = "trap 'stty size; echo interrupted; exit 3' INT; echo ready; \
                      while :; do sleep 1; done";
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", "bash", "-c", script]);
        command.stdin(there.try_clone().unwrap()).stdout(there.try_clone().unwrap());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        drop(command);
        read_until(&mut sitting, "ready");
        tcsetwinsize(&sitting, size(44)).unwrap();
        while tcgetwinsize(&there).unwrap().ws_row != 44 {
            thread::sleep(Duration::from_millis(5));
        }
        drop(there);
        sitting.write_all(b"\x03").unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3));
        drop(joined);
        read_until(&mut sitting, "44 77\r\ninterrupted\r\n");
        assert!(guest.join().unwrap().is_ok());
    }
}
