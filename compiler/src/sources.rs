//! The whole outside world of the compiler: one trait that answers what the repository holds.
//!
//! The command line answers from disk, an editor from unsaved buffers over disk, tests from memory.

use crate::repo_path::RepoPath;
use std::collections::BTreeMap;

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
    /// The root is a directory; a repository that answers `None` for it knows nothing at all, and then
    /// nothing is ever reported as missing.
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

/// A repository listed in memory: for tests, and for trees that are known by their paths only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemorySources {
    directories: BTreeMap<RepoPath, BTreeMap<String, EntryKind>>,
}

impl MemorySources {
    /// A repository of these regular files and the directories they need.
    pub fn new(files: impl IntoIterator<Item = RepoPath>) -> Self {
        let mut sources = Self::default();
        sources.directories.insert(RepoPath::root(), BTreeMap::new());
        for file in files {
            sources.insert(&file, EntryKind::File);
        }
        sources
    }

    /// Adds an entry and the directories above it. The root can't be replaced.
    pub fn insert(&mut self, path: &RepoPath, kind: EntryKind) {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
        if kind == EntryKind::Directory {
            self.directories.entry(path.clone()).or_default();
        }
        if !self.directories.contains_key(&parent) {
            self.insert(&parent, EntryKind::Directory);
        }
        self.directories.entry(parent).or_default().insert(name.to_owned(), kind);
    }
}

impl Sources for MemorySources {
    fn kind(&self, path: &RepoPath) -> Option<EntryKind> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Some(EntryKind::Directory);
        };
        self.directories.get(&parent)?.get(name).copied()
    }

    fn list(&self, directory: &RepoPath) -> Vec<Entry> {
        let entries = self.directories.get(directory).into_iter().flatten();
        entries.map(|(name, kind)| Entry { name: name.clone(), kind: *kind }).collect()
    }
}
