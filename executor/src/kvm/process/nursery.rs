//! The nursery as the run sees it: started when the first process is asked for, and again if it was ended; and the processes that
//! are prepared before anybody asks for them.

use super::channel;
use super::entry::NURSERY_ARGUMENT;
use super::newborn::{Newborn, Ready};
use super::protocol::Request;
use super::stock::Stock;
use crate::kvm::descriptors::packet_pair;
use crate::kvm::error::MachineError;
use crate::kvm::machine::Shape;
use crate::overlay::spawn_lasting;
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Most bytes of its last words that are told.
const MOST_WORDS: u64 = 2000;

/// How large stacks of threads are, for the standard library: too small for the host's kernel to give one a whole large page
/// of 2 MiB, which it does with stacks of the usual size where they begin at one.
const STACK_BYTES: (&str, &str) = ("RUST_MIN_STACK", "524288");

/// How long after a machine was started others are prepared: those that are started with it, and its guest as it begins, have
/// the processors first.
const CALM: Duration = Duration::from_millis(100);

/// See the module. It ends when this and all machines of it are gone.
#[derive(Debug)]
pub struct Nursery(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    program: PathBuf,
    started: Mutex<Option<Arc<Started>>>,
    stock: Mutex<Stock<Newborn>>,
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
        let (started, stock) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { program: program.to_owned(), started, stock }))
    }

    /// Begins to prepare for machines of this shape that will be restored, so that so many stand ready. Does not wait for it.
    /// What can't be prepared is told to whoever restores one.
    pub fn prepare(&self, shape: Shape, wanted: usize) {
        self.0.prepare(shape, wanted);
    }

    /// The same a moment later.
    pub fn prepare_in_calm(&self, shape: Shape, wanted: usize) {
        let shared = Arc::downgrade(&self.0);
        let prepare = move || {
            thread::sleep(CALM);
            if let Some(shared) = shared.upgrade() {
                shared.prepare(shape, wanted);
            }
        };
        // Without a thread for it the next machine is prepared when it is asked for.
        let _ = thread::Builder::new().name("preparing".to_owned()).spawn(prepare);
    }

    /// A process that no machine is in.
    pub(super) fn newborn(&self) -> Result<Newborn, MachineError> {
        self.0.newborn()
    }

    /// One that is prepared for a machine of this shape.
    pub(super) fn prepared(&self, shape: Shape) -> Result<Ready, MachineError> {
        let ready = self.0.lock_stock().take(shape);
        // Somebody may have ended it since.
        match ready.map(Newborn::ready) {
            Some(Ok(ready)) if ready.is_alive() => Ok(ready),
            _ => self.0.newborn_for(shape)?.ready(),
        }
    }
}

impl Shared {
    fn lock_stock(&self) -> MutexGuard<'_, Stock<Newborn>> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prepare(&self, shape: Shape, wanted: usize) {
        let mut stock = self.lock_stock();
        for _ in 0..stock.missing(shape, wanted) {
            let Ok(newborn) = self.newborn_for(shape) else { return };
            drop(stock.add(shape, newborn));
        }
    }

    fn newborn_for(&self, shape: Shape) -> Result<Newborn, MachineError> {
        let mut newborn = self.newborn()?;
        newborn.prepare(shape)?;
        Ok(newborn)
    }

    fn newborn(&self) -> Result<Newborn, MachineError> {
        Newborn::ask(|ends| self.ask(ends))
    }

    /// Asks for a process with these ends. The process ends with the answer.
    fn ask(&self, ends: &[BorrowedFd<'_>]) -> io::Result<Arc<Started>> {
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
