//! Directories that CACHE keeps from run to run.
//!
//! Each is a stack of frozen directories, like a machine's layers: whoever uses it sees the stack of the moment and
//! writes into a directory of its own above it. After a step that succeeds the stack with that directory on top becomes
//! the version that others start from; the last one wins. So runs never see each other's half-done work, and a crash
//! leaves the version before.
//!
//! ```text
//! caches/ID/name      which repository, image and path it is for
//! caches/ID/lock      held while the things below change
//! caches/ID/current   the version: one line for each directory of the stack, bottom first
//! caches/ID/layers/   those directories, and those of versions still in use
//! caches/ID/uses/     a locked file for each machine that uses it: the directories it needs
//! caches/trash/       what is being removed
//! ```
//!
//! Knows files only. How a stack is mounted, and who may remove what machines wrote, is the backend's affair.

mod name;
mod place;
mod version;

pub use name::CacheName;
pub use place::{CacheUse, Publication};

use place::{Pending, Place};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Directory of the store that holds them.
const DIRECTORY: &str = "caches";

/// Where directories wait for their removal.
const TRASH: &str = "trash";

/// Removes a directory, sooner or later.
pub type Discard = Arc<dyn Fn(PathBuf) + Send + Sync>;

/// All caches of a store.
#[derive(Clone)]
pub struct Caches {
    directory: PathBuf,
    discard: Discard,
    /// Versions that this process has made and not yet written: others of it start from them already.
    pending: Arc<Pending>,
}

impl fmt::Debug for Caches {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Caches").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// One of them, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheInfo {
    /// Names its directory.
    pub id: String,
    /// What it is for.
    pub name: CacheName,
    /// Bytes on disk of its version.
    pub bytes: u64,
    /// When a machine opened it last.
    pub used_at: SystemTime,
    /// Machines that use it now.
    pub users: usize,
}

impl Caches {
    /// Those of the store in `store`, where directories are removed by `discard`.
    ///
    /// # Errors
    /// When the directory can't be made.
    pub fn new(store: &Path, discard: Discard) -> io::Result<Self> {
        let directory = store.join(DIRECTORY);
        fs::create_dir_all(directory.join(TRASH))?;
        Ok(Self { directory, discard, pending: Arc::default() })
    }

    /// Removes what a dead process had begun to remove.
    pub fn sweep(&self) {
        for entry in fs::read_dir(self.directory.join(TRASH)).into_iter().flatten().flatten() {
            (self.discard)(entry.path());
        }
    }

    /// Opens a cache for a machine, at its version of the moment.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub fn open(&self, name: &CacheName) -> io::Result<CacheUse> {
        Place::open(self.place(&name.id()), name, self.clone())
    }

    /// All of them, the one used last first.
    ///
    /// # Errors
    /// When they can't be listed.
    pub fn list(&self) -> io::Result<Vec<CacheInfo>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)?.flatten() {
            let id = entry.file_name().to_string_lossy().into_owned();
            found.extend(Place::info(&entry.path(), id));
        }
        found.sort_unstable_by_key(|info| std::cmp::Reverse(info.used_at));
        Ok(found)
    }

    /// Forgets a cache: whoever opens it next finds it empty. Machines that use it now go on with what they have.
    ///
    /// # Errors
    /// When the store can't be written.
    pub fn remove(&self, id: &str) -> io::Result<()> {
        Place::forget(&self.place(id), self)
    }

    /// Forgets caches, the one not used for longest first, until the rest fits into `most_bytes`; those in use stay.
    /// Returns the forgotten ones.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub fn limit(&self, most_bytes: u64) -> io::Result<Vec<CacheInfo>> {
        let found = self.list()?;
        let mut total: u64 = found.iter().map(|info| info.bytes).sum();
        let mut forgotten = Vec::new();
        for info in found.into_iter().rev().filter(|info| info.users == 0) {
            if total <= most_bytes {
                break;
            }
            total -= info.bytes;
            self.remove(&info.id)?;
            forgotten.push(info);
        }
        Ok(forgotten)
    }

    fn place(&self, id: &str) -> PathBuf {
        self.directory.join(id)
    }

    /// Takes a directory out of sight and has it removed.
    fn throw_away(&self, directory: &Path) -> io::Result<()> {
        let place = self.directory.join(TRASH).join(crate::store::runs::fresh_name());
        match fs::rename(directory, &place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                (self.discard)(place);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
