//! The directories of the store that belong to this backend: `layers/`, `runs/` and `bases/`.
//!
//! `layers/ID` is a frozen layer and never changes. `runs/ID` belongs to one running machine and goes with it; one
//! whose process is gone is swept at the next start. `bases/ID` holds what was unpacked or installed.

use super::failure::Doing;
use super::removal::RemovalQueue;
use crate::backend::{BackendError, LayerId};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where things are.
#[derive(Debug)]
pub(super) struct StoreLayout {
    pub(super) root: PathBuf,
    pub(super) layers: PathBuf,
    pub(super) runs: PathBuf,
    pub(super) bases: PathBuf,
}

/// Distinguishes names made within one clock tick.
static NAMES: AtomicU64 = AtomicU64::new(0);

impl StoreLayout {
    /// Makes what is missing.
    pub(super) fn open(root: &Path) -> Result<Self, BackendError> {
        fs::create_dir_all(root).doing(|| format!("make the store `{}`", root.display()))?;
        let root = root.canonicalize().doing(|| format!("find the store `{}`", root.display()))?;
        let layout = Self {
            layers: root.join("layers"),
            runs: root.join("runs"),
            bases: root.join("bases"),
            root,
        };
        for directory in [&layout.layers, &layout.runs, &layout.bases] {
            fs::create_dir_all(directory).doing(|| format!("make `{}`", directory.display()))?;
        }
        Ok(layout)
    }

    /// A layer's directory.
    pub(super) fn layer(&self, id: &LayerId) -> PathBuf {
        self.layers.join(&id.0)
    }

    /// A name for a new layer.
    pub(super) fn new_layer() -> LayerId {
        LayerId(fresh_name())
    }

    /// Makes a directory for a new machine.
    pub(super) fn new_run(&self, removal: RemovalQueue) -> Result<RunDirectory, BackendError> {
        let path = self.runs.join(fresh_name());
        // Made with its lock under a name that no sweep looks at.
        let beside = self.runs.join(format!("{NEW_PREFIX}{}", fresh_name()));
        fs::create_dir(&beside).doing(|| format!("make `{}`", beside.display()))?;
        let lock =
            File::create(beside.join(LOCK)).doing(|| format!("lock `{}`", beside.display()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .doing(|| format!("lock `{}`", beside.display()))?;
        fs::rename(&beside, &path).doing(|| format!("make `{}`", path.display()))?;
        Ok(RunDirectory { path, _lock: lock, removal })
    }

    /// Directories of machines whose process is gone.
    pub(super) fn abandoned_runs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.runs).into_iter().flatten().flatten();
        let is_free = |path: &PathBuf| {
            let lock = File::open(path.join(LOCK));
            lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok())
        };
        let named =
            entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with(NEW_PREFIX));
        named.map(|entry| entry.path()).filter(is_free).collect()
    }
}

/// Begins the names of directories that are being made.
const NEW_PREFIX: &str = "new-";

/// File of a run directory that is locked as long as its machine's process lives.
const LOCK: &str = "lock";

/// A running machine's directory, locked.
#[derive(Debug)]
pub(super) struct RunDirectory {
    pub(super) path: PathBuf,
    _lock: File,
    removal: RemovalQueue,
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        self.removal.remove(std::mem::take(&mut self.path));
    }
}

/// 16 hexadecimal digits that no other call gives, here or in another process of this machine.
pub(super) fn fresh_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&now.to_le_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    hasher.update(&NAMES.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    hasher.finalize().to_hex().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_never_given_twice() {
        let names: std::collections::BTreeSet<String> = (0..1000).map(|_| fresh_name()).collect();
        assert_eq!(names.len(), 1000);
    }
}
