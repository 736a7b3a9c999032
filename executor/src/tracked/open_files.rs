//! Files that are read in pieces and stay open between them.
//!
//! Does not know who reads, nor what is noted.

use super::repository::OpenedFile;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Files that stay open between two pieces.
const MOST_OPEN_FILES: usize = 32;

/// Files that are read in pieces, open between them.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    /// By node number, least recently opened first.
    files: Mutex<VecDeque<(u64, Arc<OpenedFile>)>>,
}

impl OpenFiles {
    /// The file of a node, if it is open.
    pub(super) fn get(&self, number: u64) -> Option<Arc<OpenedFile>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().find(|(owner, _)| *owner == number).map(|(_, opened)| Arc::clone(opened))
    }

    /// Keeps the file of a node open, in place of the one that has been open longest.
    pub(super) fn keep(&self, number: u64, opened: &Arc<OpenedFile>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.iter().any(|(owner, _)| *owner == number) {
            return;
        }
        if files.len() >= MOST_OPEN_FILES {
            files.pop_front();
        }
        files.push_back((number, Arc::clone(opened)));
    }
}
