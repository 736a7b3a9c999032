//! Machines on disk: what a running one is, written while it runs on, and any number of new ones that go on from there.
//!
//! A snapshot is a directory: `state` has everything but memory, and where in which files each page of memory is;
//! `memory` has the pages that changed since the snapshot before it. The other files are those of its neighbours in the
//! same directory, so that a chain of any length is one list of places. Long lists are folded: a snapshot
//! then has all pages itself.
//! What a guest drew from its random device before the snapshot is in its memory, and the same in every copy (Linux's
//! driver always has 64 bytes drawn before anybody asks). What processes ask the kernel for differs: each copy has a new
//! number in its memory and is told so (`generation`), and its agent is handed randomness when it wakes.
//!
//! | part | is |
//! |---|---|
//! | `pages` | sets of pages |
//! | `map` | where each page of memory is |
//! | `placing` | how they come into a machine's memory |
//! | `changes` | which pages were written |
//! | `checksum` | whether a memory file is what was written |
//! | `sink` | a memory file being written |
//! | `file` | the state file: version, checksum, limits |
//! | `state` | what is in it |
//! | `stamp` | whether a file is still as it was written |
//! | `unfinished` | the directory of one that is being made |
//! | `decrypted` | encrypted memory, in memory alone |
//! | `ancestry` | whose memory a snapshot may name |
//! | `taking`, `opening` | a snapshot is made; machines are made of it |

mod ancestry;
mod changes;
mod checksum;
mod decrypted;
pub(super) mod file;
mod map;
mod opening;
mod pages;
mod placing;
mod sink;
mod stamp;
mod state;
mod taking;
mod unfinished;

pub(super) use ancestry::Ancestry;
pub use opening::Snapshot;
pub(super) use stamp::Stamp;
#[cfg(any(test, fuzzing))]
pub(super) use state::MachineState as Anything;
pub use taking::Taken;
pub(super) use taking::{Begun, Lineage};
pub use unfinished::Unfinished;

use super::error::MachineError;
use std::fmt::Display;
use std::path::Path;

/// Name of the file with everything but memory.
const STATE_FILE: &str = "state";

/// Ends the name of a directory that is being made.
pub(super) const UNFINISHED: &str = ".new";

/// Name of the file with pages.
const MEMORY_FILE: &str = "memory";

/// A file of a snapshot can't be used.
pub(super) fn unusable(path: &Path, reason: impl Display) -> MachineError {
    MachineError::Snapshot { path: path.display().to_string(), reason: reason.to_string() }
}
