//! What has changed since a moment, by the kernel's own times: those that no program can set back.

use super::kind::Kind;
use super::repository::Repository;
use crate::read_set::TrackedPath;
use std::io;

/// What a path is, seen from an earlier moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// A directory, whenever it changed.
    Directory,
    /// A file or link that was written, made, moved or given another mode since.
    Changed,
    /// A file or link that was not.
    Unchanged,
}

impl Repository {
    /// What `path` is, seen from `since`, in nanoseconds since 1970.
    ///
    /// # Errors
    /// When the repository can't be read.
    pub fn standing(&self, path: &TrackedPath, since: i64) -> io::Result<Standing> {
        Ok(match self.examine(path)? {
            None => Standing::Absent,
            Some(facts) if facts.kind == Kind::Directory => Standing::Directory,
            Some(facts) if facts.stamp.changed_nanoseconds > since => Standing::Changed,
            Some(_) => Standing::Unchanged,
        })
    }
}
