//! Which runs use a store right now. Each holds a locked directory under `live/`; the kernel lets go of the lock
//! however the process ends, so a directory whose lock can be had belongs to the dead and is removed.

use super::{StoreError, at};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RunId(pub [u8; 16]);

/// The directory of this process's run; removed when dropped.
#[derive(Debug)]
pub struct LiveRun {
    id: RunId,
    directory: PathBuf,
    _lock: File,
    was_unclean: Cleanup,
}

/// File of a run's directory that is locked as long as its process lives.
const LOCK: &str = "lock";

/// What was found of earlier runs when this one began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Nothing.
    Clean,
    /// Dead runs were removed, and no other run is alive.
    AloneAfterCrash,
    /// Dead runs were removed; others are alive.
    SharedAfterCrash,
}

/// What becomes of runs that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dead {
    /// They are removed, and [`LiveRun::cleanup`] tells of them.
    Remove,
    /// They stay for others to find.
    Leave,
}

impl LiveRun {
    /// Registers a run.
    pub(super) fn begin(store: &Path, dead: Dead) -> Result<Self, StoreError> {
        let runs = store.join("live");
        make_private_directory(&runs)?;
        let was_unclean = match dead {
            Dead::Remove => remove_dead(&runs)?,
            Dead::Leave => Cleanup::Clean,
        };
        loop {
            let id = new_id();
            let directory = runs.join(hexadecimal(&id.0));
            make_private_directory(&directory)?;
            let path = directory.join(LOCK);
            let lock = match File::create(&path) {
                // A cleaner took the directory for a dead run's, which has lost its lock.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                made => made.map_err(at("make", &path))?,
            };
            let locked = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
            if locked && is_still(&lock, &path) {
                return Ok(Self { id, directory, _lock: lock, was_unclean });
            }
        }
    }

    /// Its id.
    pub const fn id(&self) -> RunId {
        self.id
    }

    /// Its directory, for what shall not outlive it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// When each other run that is alive began.
    pub(super) fn others_began(&self) -> Result<Vec<SystemTime>, StoreError> {
        let runs = self.directory.parent().unwrap_or(&self.directory);
        let mut began = Vec::new();
        for entry in fs::read_dir(runs).map_err(at("list", runs))?.flatten() {
            let path = entry.path().join(LOCK);
            let Ok(lock) = File::open(&path) else { continue };
            let is_held = flock(&lock, FlockOperation::NonBlockingLockShared).is_err();
            if is_held && entry.path() != self.directory {
                began.extend(lock.metadata().and_then(|metadata| metadata.modified()));
            }
        }
        Ok(began)
    }

    /// What earlier runs left.
    pub const fn cleanup(&self) -> Cleanup {
        self.was_unclean
    }
}

impl Drop for LiveRun {
    fn drop(&mut self) {
        // What can't be removed now is removed by the next run, which finds the lock free.
        let _ = remove(&self.directory);
    }
}

/// Removes a run's directory, the lock last: whatever is left of it says that it is dead, or is empty.
fn remove(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)?.flatten().filter(|entry| entry.file_name() != LOCK) {
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    fs::remove_file(directory.join(LOCK))?;
    fs::remove_dir(directory)
}

/// Makes a directory that only its owner may enter, and its parents.
pub(crate) fn make_private_directory(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(at("make the directory", path))
}

fn new_id() -> RunId {
    let nanoseconds =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&nanoseconds.to_le_bytes()).update(&std::process::id().to_le_bytes());
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    RunId(id)
}

/// How the store's gate is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// By those who are about to say which layers they need; any number at once.
    Open,
    /// By one who removes layers.
    Closed,
}

/// Waits for the store's gate and holds it until the file is dropped.
pub(crate) fn gate(store: &Path, how: Gate) -> io::Result<File> {
    let gate = File::create(store.join("gate"))?;
    let operation = match how {
        Gate::Open => FlockOperation::LockShared,
        Gate::Closed => FlockOperation::LockExclusive,
    };
    flock(&gate, operation)?;
    Ok(gate)
}

/// 16 hexadecimal digits that no other call gives, here or in another process of this machine.
pub(crate) fn fresh_name() -> String {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&now.to_le_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    hasher.update(&NAMES.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `path` still names the open file: a cleaner may have removed it between its making and its locking.
pub(crate) fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

fn remove_dead(runs: &Path) -> Result<Cleanup, StoreError> {
    let mut dead = 0;
    let mut alive = 0;
    for entry in fs::read_dir(runs).map_err(at("list", runs))?.flatten() {
        let path = entry.path();
        let Ok(lock) = File::open(path.join(LOCK)) else {
            // All but removed by one who was killed meanwhile, or so new that it makes itself another.
            let _ = fs::remove_dir(&path);
            continue;
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            dead += 1;
            let _ = remove(&path);
        } else {
            alive += 1;
        }
    }
    Ok(match (dead, alive) {
        (0, _) => Cleanup::Clean,
        (_, 0) => Cleanup::AloneAfterCrash,
        (_, _) => Cleanup::SharedAfterCrash,
    })
}

#[cfg(test)]
mod tests {
    use super::fresh_name;

    #[test]
    fn names_are_never_given_twice() {
        let names: std::collections::BTreeSet<String> = (0..1000).map(|_| fresh_name()).collect();
        assert_eq!(names.len(), 1000);
    }
}
