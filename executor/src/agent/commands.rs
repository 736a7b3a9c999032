//! Commands while they run, and the processes they left: started, listened to, reaped.
//!
//! Shared by every kind of machine. Knows no roots and no requests: where a command runs is a [`Place`]'s affair.

use super::disk;
use super::failure::{Doing, Failure};
use super::launch::{Place, launch};
use super::output::Sources;
use super::protocol::{self, CommandNumber, ProtocolError, Reply, RunCommand};
use crate::backend::{Attachment, CommandEnd};
use crate::sys::ChildSignals;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A command whose shell lives in the background.
#[derive(Debug)]
struct BackgroundShell {
    pid: Pid,
    command: CommandNumber,
}

/// What a wait brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// The descriptor that was waited for.
    Awaited,
    /// Output or ended processes, which were seen to.
    Processes,
}

/// A process of the agent's own beside the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Helper(pub(crate) Pid);

/// All commands of a machine.
#[derive(Debug)]
pub(crate) struct Commands {
    signals: ChildSignals,
    sources: Sources,
    background: Vec<BackgroundShell>,
    helper: Option<Helper>,
    /// Shell of the command being run, and how it ended.
    foreground: Option<(Pid, Option<CommandEnd>)>,
}

impl Commands {
    /// None yet.
    pub(crate) fn new(signals: ChildSignals) -> Self {
        Self {
            signals,
            sources: Sources::default(),
            background: Vec::new(),
            helper: None,
            foreground: None,
        }
    }

    /// The helper, as long as it lives.
    pub(crate) fn helper(&self) -> Option<Helper> {
        self.helper
    }

    /// Sets the helper, or forgets it.
    pub(crate) fn set_helper(&mut self, helper: Option<Helper>) {
        self.helper = helper;
    }

    /// What was written between requests.
    pub(crate) fn take_kept(&mut self) -> Vec<Reply> {
        self.sources.take_kept()
    }

    /// Runs a command to its end, or to the end of its first moment. What is written meanwhile goes to `socket`.
    pub(crate) fn run(
        &mut self,
        place: &dyn Place,
        wanted: &RunCommand,
        terminal: Option<OwnedFd>,
        socket: &mut UnixStream,
    ) -> Result<CommandEnd, Failure> {
        let RunCommand { number, command, grace_milliseconds, .. } = wanted;
        let mut pipes = self.sources.open(*number)?;
        pipes.terminal = terminal;
        let pid = launch(place, command, pipes)?;
        self.foreground = Some((pid, None));
        let grace = Duration::from_millis((*grace_milliseconds).into());
        let deadline = match command.mode {
            Attachment::Foreground => None,
            Attachment::Background => Some(Instant::now() + grace),
        };
        let ended = self.wait_for_end(place, deadline, socket);
        self.foreground = None;
        if !matches!(ended, Ok(CommandEnd::Exited(_) | CommandEnd::Signalled(_))) {
            self.background.push(BackgroundShell { pid, command: *number });
        }
        let end = ended?;
        self.sources.read_last(*number, &mut |reply| Ok(protocol::send(socket, &reply)?))?;
        Ok(end)
    }

    fn wait_for_end(
        &mut self,
        place: &dyn Place,
        deadline: Option<Instant>,
        socket: &mut UnixStream,
    ) -> Result<CommandEnd, Failure> {
        loop {
            if let Some(excess) = place.excess() {
                // The executor gives up a machine that refused, and ends all of it. This much at once.
                if let Some((shell, None)) = self.foreground {
                    let _ended = kill_process_group(shell, Signal::KILL);
                }
                return Err(Failure::Refused(excess));
            }
            if let Some((_, Some(end))) = self.foreground {
                return Ok(end);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(CommandEnd::LeftRunning);
            }
            // During a command no request comes; asking for nothing still reports a hang-up.
            let hang_up = socket.as_fd().try_clone_to_owned().doing(|| "watch".to_owned())?;
            let pause = Some(left.map_or(disk::INTERVAL, |left| left.min(disk::INTERVAL)));
            if self.wait(hang_up.as_fd(), PollFlags::RDHUP, pause, Some(socket))? == News::Awaited {
                return Err(Failure::Unheard(ProtocolError::Closed));
            }
        }
    }

    /// Waits, between commands, until there is something to read. What is written meanwhile is kept.
    pub(crate) fn wait_for(&mut self, descriptor: BorrowedFd<'_>) -> Result<(), Failure> {
        while self.wait(descriptor, PollFlags::IN, None, None)? != News::Awaited {}
        Ok(())
    }

    fn wait(
        &mut self,
        awaited: BorrowedFd<'_>,
        events: PollFlags,
        limit: Option<Duration>,
        mut listener: Option<&mut UnixStream>,
    ) -> Result<News, Failure> {
        let mut descriptors = vec![
            PollFd::from_borrowed_fd(awaited, events),
            PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN),
        ];
        let pipes = self.sources.descriptors();
        descriptors.extend(pipes.map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN)));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut descriptors, limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).doing(|| "wait".to_owned()),
        }
        let news: Vec<bool> =
            descriptors.iter().map(|descriptor| !descriptor.revents().is_empty()).collect();
        if news.iter().skip(2).any(|news| *news) {
            self.collect(listener.as_deref_mut())?;
        }
        if news.get(1) == Some(&true) {
            self.signals.clear();
            self.reap();
            if let Some(socket) = listener {
                // The last words of a background command come before the news of its end.
                self.collect(Some(socket))?;
                for kept in self.take_kept() {
                    protocol::send(socket, &kept)?;
                }
            }
        }
        Ok(if news.first() == Some(&true) { News::Awaited } else { News::Processes })
    }

    fn collect(&mut self, listener: Option<&mut UnixStream>) -> Result<(), Failure> {
        match listener {
            None => self.sources.keep_some(),
            Some(socket) => {
                self.sources.read_some(&mut |reply| Ok(protocol::send(socket, &reply)?))
            }
        }
    }

    /// What came in this moment, besides what was kept.
    pub(crate) fn take_news(&mut self) -> Result<Vec<Reply>, Failure> {
        self.collect(None)?;
        self.reap();
        Ok(self.take_kept())
    }

    /// Takes leave of every process that ended.
    pub(crate) fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            let Some(end) = end_of(status) else { continue };
            if self.helper == Some(Helper(pid)) {
                self.helper = None;
            }
            if let Some((foreground, ended)) = &mut self.foreground
                && *foreground == pid
            {
                *ended = Some(end);
            }
            self.background_ended(pid, end);
        }
    }

    /// A background command that ends badly after its first moment is told of.
    fn background_ended(&mut self, pid: Pid, end: CommandEnd) {
        let Some(place) = self.background.iter().position(|shell| shell.pid == pid) else { return };
        let shell = self.background.swap_remove(place);
        if !matches!(end, CommandEnd::Exited(0) | CommandEnd::LeftRunning) {
            self.sources.keep(Reply::BackgroundEnded { command: shell.command, end });
        }
    }
}

fn end_of(status: WaitStatus) -> Option<CommandEnd> {
    let exited = status.exit_status().map(CommandEnd::Exited);
    exited.or_else(|| status.terminating_signal().map(CommandEnd::Signalled))
}
