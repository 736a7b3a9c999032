//! The whole outside world of the compiler: one trait that answers what the repository holds.
//!
//! The command line answers from disk, an editor from unsaved buffers over disk, tests from memory.

use crate::repo_path::RepoPath;

/// What kind of thing a path names. Links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

/// One name of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name, without its directory.
    pub name: String,
    /// What it names.
    pub kind: EntryKind,
}

/// A repository that can be asked about names. Answers must not change during one compilation.
pub trait Sources {
    /// What `path` names; `None` if there is nothing.
    fn kind(&self, path: &RepoPath) -> Option<EntryKind>;

    /// The entries of a directory, sorted by name; empty if it is not one.
    fn list(&self, directory: &RepoPath) -> Vec<Entry>;
}

/// A repository that knows nothing: for checking a single text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSources;

impl Sources for NoSources {
    fn kind(&self, _path: &RepoPath) -> Option<EntryKind> {
        None
    }

    fn list(&self, _directory: &RepoPath) -> Vec<Entry> {
        Vec::new()
    }
}
