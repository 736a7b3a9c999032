//! The nursery as the run sees it: started when the first process is asked for, and again if it was ended.

use super::channel;
use super::entry::NURSERY_ARGUMENT;
use super::protocol::Request;
use crate::kvm::descriptors::packet_pair;
use crate::overlay::spawn_lasting;
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes of its last words that are told.
const MOST_WORDS: u64 = 2000;

/// How large stacks of threads are, for the standard library: too small for the host's kernel to give one a whole large page
/// of 2 MiB, which it does with stacks of the usual size where they begin at one.
const STACK_BYTES: (&str, &str) = ("RUST_MIN_STACK", "524288");

/// See the module. It ends when this and all machines of it are gone.
#[derive(Debug)]
pub struct Nursery {
    program: PathBuf,
    started: Mutex<Option<Arc<Started>>>,
}

/// One that was started.
#[derive(Debug)]
pub(super) struct Started {
    requests: OwnedFd,
    process: Child,
    words: io::PipeReader,
}

impl Nursery {
    /// Of this program, whose `main` begins with [`run_if_agent`](crate::agent::run_if_agent).
    pub fn new(program: &Path) -> Self {
        Self { program: program.to_owned(), started: Mutex::default() }
    }

    /// Asks for a process with these ends. The process ends with the answer.
    pub(super) fn ask(&self, ends: &[BorrowedFd<'_>]) -> io::Result<Arc<Started>> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(nursery) = started.as_ref().filter(|nursery| nursery.ask(ends).is_ok()) {
            return Ok(Arc::clone(nursery));
        }
        let nursery = Arc::new(Started::new(&self.program)?);
        nursery.ask(ends)?;
        *started = Some(Arc::clone(&nursery));
        Ok(nursery)
    }
}

impl Started {
    fn new(program: &Path) -> io::Result<Self> {
        let (requests, asked) = packet_pair()?;
        let (words, said) = io::pipe()?;
        let mut command = Command::new(program);
        command.arg(NURSERY_ARGUMENT).env_clear().env(STACK_BYTES.0, STACK_BYTES.1);
        command.stdin(asked).stdout(Stdio::null()).stderr(said);
        Ok(Self { requests, process: spawn_lasting(command)?, words })
    }

    fn ask(&self, ends: &[BorrowedFd<'_>]) -> io::Result<()> {
        channel::send(&self.requests, Request::Process, ends)
    }

    /// Why it has ended, if it said so.
    pub(super) fn last_words(&self) -> String {
        let mut words = Vec::new();
        let _ = (&self.words).take(MOST_WORDS).read_to_end(&mut words);
        String::from_utf8_lossy(&words).trim().to_owned()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // What it made ends with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
