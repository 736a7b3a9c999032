//! What survives a run: cache records, read sets, outputs and the stat cache, in one LMDB file that several
//! processes share; and which runs are alive.
//!
//! Frozen layers lie beside it and belong to the backend. The store never decides anything: what a record means is
//! the cache's affair.

pub mod collect;
pub mod committer;
pub mod file_system;
pub mod history;
pub mod index;
pub mod orphans;
pub mod record;
pub mod room;
pub mod run_name;
pub mod runs;
pub mod stat_cache;
#[cfg(test)]
mod tests;
pub mod turns;

use index::Index;
use std::io;
use std::path::{Path, PathBuf};

/// An open store.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    index: Index,
    secret_key: [u8; 32],
    run: runs::LiveRun,
}

/// Why the store can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or a file in it.
    #[error("cannot {action} `{path}`{}", advice(source))]
    File {
        /// Verb phrase.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The index.
    #[error("cannot {action} the index of the store{}", index_advice(source))]
    Index {
        /// Verb.
        action: &'static str,
        /// What LMDB said.
        #[source]
        source: heed::Error,
    },
}

impl StoreError {
    /// Whether there is no space left.
    pub fn is_full(&self) -> bool {
        match self {
            Self::File { source, .. } => is_full(source),
            Self::Index { source: heed::Error::Io(source), .. } => is_full(source),
            Self::Index { source, .. } => {
                matches!(source, heed::Error::Mdb(heed::MdbError::MapFull))
            }
        }
    }
}

/// Whether an error says that the disk or the quota is used up.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn advice(error: &io::Error) -> &'static str {
    if is_full(error) {
        ": the disk is full; free space or choose another place with `--store DIRECTORY`"
    } else {
        ""
    }
}

fn index_advice(error: &heed::Error) -> &'static str {
    match error {
        heed::Error::Io(error) => advice(error),
        heed::Error::Mdb(heed::MdbError::MapFull) => {
            ": it has reached its largest size; remove the store's directory to begin anew"
        }
        _ => "",
    }
}

/// Turns an I/O error into one that names the file.
pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { action, path, source }
}

impl Store {
    /// Opens the store in `directory`, making it if it isn't there, and removes what dead runs left.
    ///
    /// # Errors
    /// When the directory can't be used.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_as(directory, runs::Dead::Remove)
    }

    /// Opens it to look into it. What dead runs left stays for the next that runs something, which has to know of them.
    ///
    /// # Errors
    /// When the directory can't be used.
    pub fn open_to_look(directory: &Path) -> Result<Self, StoreError> {
        Self::open_as(directory, runs::Dead::Leave)
    }

    fn open_as(directory: &Path, dead: runs::Dead) -> Result<Self, StoreError> {
        runs::make_private_directory(directory)?;
        let directory = directory.canonicalize().map_err(at("find", directory))?;
        let run = runs::LiveRun::begin(&directory, dead)?;
        let index = Index::open(&directory.join("index"))?;
        let secret_key = index.secret_key()?;
        Ok(Self { directory, index, secret_key, run })
    }

    /// Where it is, absolute and without links.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is kept.
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// The key that secrets' values are hashed with before they become part of a cache key; never leaves the store.
    pub const fn secret_key(&self) -> &[u8; 32] {
        &self.secret_key
    }

    /// This process's run.
    pub const fn run(&self) -> &runs::LiveRun {
        &self.run
    }
}
