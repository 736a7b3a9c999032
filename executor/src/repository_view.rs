//! The repository as the cache and COPY see it: answers with fingerprints, plus what is where right now.
//!
//! Does not know how files are served to machines, nor what is cached.

use crate::read_set::{Fingerprint, FingerprintSource, Question, TrackedPath};
use std::io;
use std::path::Path;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// Anything else: a file, a link, a socket.
    Other,
}

/// A repository that can be looked at.
pub trait RepositoryView: FingerprintSource {
    /// What is at a path; `None` if there is nothing. Links are not followed.
    ///
    /// # Errors
    /// When it can't be looked at.
    fn kind(&self, path: &TrackedPath) -> io::Result<Option<EntryKind>>;

    /// The names in a directory, in any order, with what machines don't get to see left out; empty for anything
    /// that isn't a directory.
    ///
    /// # Errors
    /// When it can't be listed.
    fn names(&self, directory: &TrackedPath) -> io::Result<Vec<Vec<u8>>>;

    /// Shows another directory tree below a name that no path of the repository can begin with.
    ///
    /// # Errors
    /// When the tree can't be opened.
    fn show(&self, name: &[u8], tree: &Path) -> io::Result<()> {
        let text = format!("{} can't be shown as {name:?} here", tree.display());
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    /// The answer "there is nothing".
    fn absent(&self, question: Question) -> Fingerprint;
}
