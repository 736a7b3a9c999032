//! Why a virtual machine could not be made, run, kept or restored.

use super::devices::BusError;
use std::io;

/// What went wrong around a machine.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The operating system said no.
    #[error("cannot {action}")]
    System {
        /// Verb phrase with object.
        action: String,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// A guest can't have this much memory.
    #[error(
        "a machine can't have {0} bytes of memory; it needs whole pages, at least 1 MiB, at most 1 TiB"
    )]
    MemorySize(u64),
    /// A guest can't have this many processors.
    #[error("a machine can't have {0} processors; it has 1 to {most}", most = super::MAX_PROCESSORS)]
    Processors(usize),
    /// The memory can't be reserved.
    #[error("cannot reserve the machine's memory: {0}")]
    Memory(String),
    /// The kernel file is none, or does not fit.
    #[error("cannot load the kernel {path}: {reason}")]
    Kernel {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The initial file system does not fit.
    #[error("the machine's memory has no room for {what} of {bytes} bytes")]
    NoRoom {
        /// What.
        what: &'static str,
        /// Its size.
        bytes: u64,
    },
    /// The machine's devices can't be made.
    #[error(transparent)]
    Devices(#[from] BusError),
    /// A processor stopped for a reason that is nobody's wish.
    #[error("a processor of the machine stopped: {0}")]
    Processor(String),
    /// The machine is not there any more.
    #[error("the machine has ended")]
    Ended,
    /// The machine's process says so.
    #[error("{0}")]
    Process(String),
    /// A thread of the machine doesn't do what it was told.
    #[error(
        "the {what} of a machine did not stop within {seconds} seconds; its thread and the machine's memory \
         stay until this process ends",
        seconds = super::LONGEST_STOP.as_secs()
    )]
    Stuck {
        /// Which.
        what: String,
    },
    /// A snapshot can't be used.
    #[error("the snapshot {path} can't be used: {reason}")]
    Snapshot {
        /// Its file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl MachineError {
    /// For `map_err`: what was tried, and the answer.
    pub(crate) fn system<E: Into<io::Error>>(action: &str) -> impl FnOnce(E) -> Self {
        move |error| Self::System { action: action.to_owned(), source: error.into() }
    }
}
