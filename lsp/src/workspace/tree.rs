//! What a repository holds: unsaved buffers over disk, each question asked of the disk once.
//!
//! Knows names and kinds, no contents.

use crate::host::Host;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{Entry, EntryKind, Sources};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Answers of the disk, kept until something there changes.
#[derive(Debug)]
pub(super) struct DiskAnswers {
    host: Arc<dyn Host>,
    root: PathBuf,
    kinds: Mutex<HashMap<RepoPath, Option<EntryKind>>>,
    lists: Mutex<HashMap<RepoPath, Arc<[Entry]>>>,
}

impl DiskAnswers {
    /// No answers yet.
    pub(super) fn new(host: Arc<dyn Host>, root: PathBuf) -> Self {
        Self { host, root, kinds: Mutex::default(), lists: Mutex::default() }
    }

    /// The same, without the answers that a change at `changed` may have made wrong: those about these paths,
    /// what is below them, and the lists of the directories they are in.
    pub(super) fn without(&self, changed: &[RepoPath]) -> Self {
        let is_stale = |path: &RepoPath| changed.iter().any(|changed| path.is_at_or_below(changed));
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kinds.retain(|path, _| !is_stale(path));
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lists.retain(|path, _| {
            !is_stale(path)
                && !changed.iter().any(|changed| changed.parent().as_ref() == Some(path))
        });
        Self {
            host: Arc::clone(&self.host),
            root: self.root.clone(),
            kinds: Mutex::new(kinds),
            lists: Mutex::new(lists),
        }
    }

    /// The paths about which the disk would answer differently now.
    pub(super) fn stale(&self) -> Vec<RepoPath> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let kinds =
            kinds.into_iter().filter(|(path, kind)| self.host.kind(&self.at(path)) != *kind);
        let lists =
            lists.into_iter().filter(|(path, list)| *self.host.list(&self.at(path)) != **list);
        kinds.map(|(path, _)| path).chain(lists.map(|(path, _)| path)).collect()
    }

    fn at(&self, path: &RepoPath) -> PathBuf {
        self.root.join(Path::new(path.as_str()))
    }

    fn kind(&self, path: &RepoPath) -> Option<EntryKind> {
        let known = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        known.unwrap_or_else(|| {
            let kind = self.host.kind(&self.at(path));
            self.kinds.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), kind);
            kind
        })
    }

    fn list(&self, path: &RepoPath) -> Arc<[Entry]> {
        let known = self.lists.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        known.unwrap_or_else(|| {
            let list: Arc<[Entry]> = self.host.list(&self.at(path)).into();
            let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
            lists.insert(path.clone(), Arc::clone(&list));
            list
        })
    }
}

/// What a repository holds, open documents included that were never saved.
#[derive(Debug)]
pub(super) enum Tree {
    /// A repository on disk; `unsaved` are documents whose file may not exist yet.
    Disk {
        /// What the disk says.
        answers: Arc<DiskAnswers>,
        /// Paths of open documents.
        unsaved: Vec<RepoPath>,
    },
    /// A text without a place: nothing is known around it.
    Nowhere,
}

impl Sources for Tree {
    fn kind(&self, path: &RepoPath) -> Option<EntryKind> {
        let Self::Disk { answers, unsaved } = self else { return None };
        answers.kind(path).or_else(|| {
            if unsaved.contains(path) {
                return Some(EntryKind::File);
            }
            let is_above = unsaved.iter().any(|open| open.is_at_or_below(path));
            is_above.then_some(EntryKind::Directory)
        })
    }

    fn list(&self, directory: &RepoPath) -> Vec<Entry> {
        let Self::Disk { answers, unsaved } = self else { return Vec::new() };
        let mut entries = answers.list(directory).to_vec();
        for open in unsaved.iter().filter(|open| open.parent().as_ref() == Some(directory)) {
            let Some(name) = open.file_name() else { continue };
            if let Err(index) = entries.binary_search_by(|entry| entry.name.as_str().cmp(name)) {
                let name = name.to_owned();
                entries.insert(index, Entry { name, kind: EntryKind::File });
            }
        }
        entries
    }
}
