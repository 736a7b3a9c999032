//! A directory of the host and where it appears in a machine.
//!
//! Shared by what chooses parts (`host`) and what makes directories for them (`mirror`).

use std::path::PathBuf;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPart {
    /// Below the machine's root, no leading slash.
    pub(super) path: PathBuf,
    pub(super) source: PathBuf,
}
