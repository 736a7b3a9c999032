//! Pipes: what running commands, and daemons that earlier ones left, write.
//!
//! The end of a command is the end of its shell, not of its pipes: a daemon may hold them for days. So pipes outlive
//! commands here, and what comes between requests is kept, up to a limit, until somebody listens.

use super::failure::{Doing, Failure};
use super::protocol::{CommandNumber, OUTPUT_CHUNK_BYTES, Reply};
use crate::backend::Stream;
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most bytes read at once after a shell has ended: what a full pipe holds, so that a daemon that writes without pause
/// can't keep the step from ending.
const LAST_BYTES_LIMIT: usize = 1024 * 1024;

/// Most bytes kept between requests; what comes on top is dropped.
const KEPT_LIMIT_BYTES: usize = 1024 * 1024;

/// The writing ends, for the command.
#[derive(Debug)]
pub(crate) struct CommandPipes {
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    pub(crate) answer: OwnedFd,
    /// What it has for all of them instead, if somebody sits there.
    pub(crate) terminal: Option<OwnedFd>,
}

/// A reading end.
#[derive(Debug)]
struct Source {
    command: CommandNumber,
    stream: Stream,
    pipe: OwnedFd,
}

/// Whether a pipe may give more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Perhaps,
    NotNow,
    Never,
}

/// All reading ends.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    sources: Vec<Source>,
    kept: Vec<Reply>,
    kept_bytes: usize,
}

impl Sources {
    /// Pipes for a command.
    pub(crate) fn open(&mut self, command: CommandNumber) -> Result<CommandPipes, Failure> {
        let mut pipe = |stream| -> Result<OwnedFd, Failure> {
            let (reader, writer) = std::io::pipe().doing(|| "make a pipe".to_owned())?;
            rustix::io::ioctl_fionbio(&reader, true).doing(|| "make a pipe".to_owned())?;
            self.sources.push(Source { command, stream, pipe: reader.into() });
            Ok(writer.into())
        };
        Ok(CommandPipes {
            stdout: pipe(Stream::Stdout)?,
            stderr: pipe(Stream::Stderr)?,
            answer: pipe(Stream::Answer)?,
            terminal: None,
        })
    }

    /// What to poll.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sources.iter().map(|source| source.pipe.as_fd())
    }

    /// Reads one chunk from each pipe that has something, and forgets pipes that ended.
    pub(crate) fn read_some(
        &mut self,
        hear: &mut dyn FnMut(Reply) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut failure = Ok(());
        self.sources.retain(|source| match read_chunk(source, hear) {
            Ok((more, _)) => more != More::Never,
            Err(error) => {
                failure = Err(error);
                true
            }
        });
        failure
    }

    /// Reads what a command wrote before its shell ended.
    pub(crate) fn read_last(
        &mut self,
        command: CommandNumber,
        hear: &mut dyn FnMut(Reply) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for source in self.sources.iter().filter(|source| source.command == command) {
            let mut total = 0;
            while total < LAST_BYTES_LIMIT {
                let (more, count) = read_chunk(source, hear)?;
                total += count;
                if more != More::Perhaps {
                    break;
                }
            }
        }
        self.read_some(hear)
    }

    /// Reads between requests: keeps what comes.
    pub(crate) fn keep_some(&mut self) -> Result<(), Failure> {
        let mut came = Vec::new();
        self.read_some(&mut |reply| {
            came.push(reply);
            Ok(())
        })?;
        for reply in came {
            self.keep(reply);
        }
        Ok(())
    }

    /// Keeps something for the next listener.
    pub(crate) fn keep(&mut self, reply: Reply) {
        let length = if let Reply::Output { bytes, .. } = &reply { bytes.len() } else { 0 };
        if self.kept_bytes + length <= KEPT_LIMIT_BYTES {
            self.kept_bytes += length;
            self.kept.push(reply);
        }
    }

    /// What was kept.
    pub(crate) fn take_kept(&mut self) -> Vec<Reply> {
        self.kept_bytes = 0;
        std::mem::take(&mut self.kept)
    }
}

fn read_chunk(
    source: &Source,
    hear: &mut dyn FnMut(Reply) -> Result<(), Failure>,
) -> Result<(More, usize), Failure> {
    let mut buffer = vec![0; OUTPUT_CHUNK_BYTES];
    match rustix::io::read(&source.pipe, &mut buffer) {
        Ok(0) => Ok((More::Never, 0)),
        Ok(count) => {
            buffer.truncate(count);
            hear(Reply::Output { command: source.command, stream: source.stream, bytes: buffer })?;
            Ok((More::Perhaps, count))
        }
        Err(Errno::AGAIN | Errno::INTR) => Ok((More::NotNow, 0)),
        Err(error) => Err(error).doing(|| "read a command's output".to_owned()),
    }
}
