//! The compiler's view of what a repository holds, answered from disk, each question asked of the disk once.

use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{Entry, EntryKind, Sources};
use std::collections::HashMap;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A repository on disk. Remembers its answers, so they don't change while a compilation asks.
#[derive(Debug)]
pub(crate) struct DiskSources {
    root: PathBuf,
    kinds: Mutex<HashMap<RepoPath, Option<EntryKind>>>,
    lists: Mutex<HashMap<RepoPath, Vec<Entry>>>,
}

impl DiskSources {
    /// The repository at `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, kinds: Mutex::default(), lists: Mutex::default() }
    }
}

impl Sources for DiskSources {
    fn kind(&self, path: &RepoPath) -> Option<EntryKind> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        *kinds.entry(path.clone()).or_insert_with(|| read_kind(&self.root.join(path.as_str())))
    }

    fn list(&self, directory: &RepoPath) -> Vec<Entry> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || read_list(&self.root.join(directory.as_str()));
        lists.entry(directory.clone()).or_insert_with(read).clone()
    }
}

/// What a path names; links are not followed.
pub(crate) fn read_kind(path: &Path) -> Option<EntryKind> {
    kind(fs::symlink_metadata(path).ok()?.file_type())
}

/// The entries of a directory, sorted by name; empty if it is not one.
pub(crate) fn read_list(directory: &Path) -> Vec<Entry> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut list: Vec<Entry> = entries
        .filter_map(|entry| {
            let kind = kind(entry.file_type().ok()?)?;
            Some(Entry { name: entry.file_name().into_string().ok()?, kind })
        })
        .collect();
    list.sort_unstable();
    list
}

/// Sockets, devices and pipes are nothing that a repository holds.
fn kind(file_type: FileType) -> Option<EntryKind> {
    if file_type.is_file() {
        Some(EntryKind::File)
    } else if file_type.is_dir() {
        Some(EntryKind::Directory)
    } else if file_type.is_symlink() {
        Some(EntryKind::Symlink)
    } else {
        None
    }
}
