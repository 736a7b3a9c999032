//! What tells that nobody has written to a file since it was looked at last, without reading it.

use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Identity of an unwritten file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kvm) struct Stamp {
    /// Device and inode.
    inode: (u64, u64),
    /// Nanoseconds since 1970 of its last change of contents or attributes, which nobody can set back.
    changed: i128,
}

impl Stamp {
    /// Of the file that this was said of.
    pub(in crate::kvm) fn of(metadata: &Metadata) -> Self {
        let seconds = i128::from(metadata.ctime());
        let changed = seconds * 1_000_000_000 + i128::from(metadata.ctime_nsec());
        Self { inode: (metadata.dev(), metadata.ino()), changed }
    }
}
