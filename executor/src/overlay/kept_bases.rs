//! The bases that were unpacked or installed: `bases/NAME`, and beside it `bases/NAME.about`.
//!
//! That file says what the base was made of, is locked, shared, by every process that uses it, and has the time of its
//! last use. Who wants to remove a base takes the lock alone. `bases/making` is locked by who makes one: what is
//! half made and belongs to nobody can then be told.

use super::failure::Doing;
use crate::agent::{disk_bytes, remove_own_tree};
use crate::backend::{BackendError, ImageSource};
use crate::store::room::{ASIDE, Attempt, Hoard, Kept, KeptKind};
use crate::store::runs::{fresh_name, is_still};
use crate::store::{StoreError, at};
use rustix::fs::{FlockOperation, flock};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Ends the names of files that tell about a base.
const ABOUT: &str = ".about";

/// Begins the names of directories in which a base is being made.
pub(crate) const NEW_PREFIX: &str = "new-";

/// Longest description that is read.
const ABOUT_LIMIT_BYTES: usize = 4096;

/// See the module.
#[derive(Debug)]
pub struct KeptBases {
    directory: PathBuf,
    /// What this process uses, by name.
    held: Mutex<HashMap<String, File>>,
}

/// A base of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBase {
    /// Its directory's.
    pub name: String,
    /// What it was made of, as `layerc.toml` writes it; empty if nobody wrote it down.
    pub source: String,
    /// What it takes on disk.
    pub bytes: u64,
    /// When it was used last.
    pub used_at: SystemTime,
    /// Whether a process uses it.
    pub in_use: bool,
}

/// As long as this lives, nothing that is being made is taken for abandoned.
#[derive(Debug)]
pub(crate) struct Making(#[expect(dead_code, reason = "holds the lock")] File);

impl KeptBases {
    /// The bases in this directory of a store, which may be missing.
    pub fn of(directory: PathBuf) -> Self {
        Self { directory, held: Mutex::default() }
    }

    /// Where they are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps a base, there already or about to be made, from being removed as long as this value lives.
    pub(crate) fn hold(&self, name: &str, source: &ImageSource) -> Result<(), BackendError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.about(name);
        if !held.contains_key(name) {
            held.insert(name.to_owned(), locked(&path, FlockOperation::LockShared)?);
        }
        let Some(mut about) = held.get(name) else { return Ok(()) };
        let action = || format!("write `{}`", path.display());
        if about.metadata().doing(action)?.len() == 0 {
            about.write_all(source.to_string().as_bytes()).doing(action)?;
        }
        // Only for people and for the order of removing.
        let _ = about.set_modified(SystemTime::now());
        Ok(())
    }

    /// Says that something is being made in here.
    pub(crate) fn making(&self) -> Result<Making, BackendError> {
        locked(&self.directory.join("making"), FlockOperation::LockShared).map(Making)
    }

    /// All of them, by name.
    pub fn list(&self) -> Vec<KeptBase> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut bases: Vec<KeptBase> =
            names.filter(|name| is_base(name)).map(|name| self.look(name)).collect();
        bases.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        bases
    }

    fn look(&self, name: String) -> KeptBase {
        let (directory, about) = (self.directory.join(&name), self.about(&name));
        let source = fs::read(&about).unwrap_or_default();
        let source = source.get(..ABOUT_LIMIT_BYTES.min(source.len())).unwrap_or_default();
        let used_at = fs::metadata(&about).or_else(|_| fs::metadata(&directory));
        let is_free = |file: File| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        KeptBase {
            source: String::from_utf8_lossy(source).into_owned(),
            bytes: disk_bytes(&directory),
            used_at: used_at.and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH),
            in_use: File::open(&about).is_ok_and(|file| !is_free(file)),
            name,
        }
    }

    /// Removes a base unless somebody uses it.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self, name: &str) -> Result<Attempt, StoreError> {
        let (directory, about) = (self.directory.join(name), self.about(name));
        let lock = File::options().create(true).append(true).open(&about);
        let lock = lock.map_err(at("open", &about))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(Attempt::InUse);
        }
        let freed = disk_bytes(&directory);
        let aside = self.directory.join(format!("{ASIDE}{}", fresh_name()));
        fs::rename(&directory, &aside).map_err(at("move aside", &directory))?;
        fs::remove_file(&about).map_err(at("remove", &about))?;
        drop(lock);
        remove_own_tree(&aside).map_err(at("remove", &aside))?;
        Ok(Attempt::Removed(freed))
    }

    /// Removes what was being made or removed by processes that are gone.
    pub fn sweep(&self) {
        let Ok(lock) = File::open(self.directory.join("making")) else { return };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return;
        }
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(NEW_PREFIX) || name.starts_with(ASIDE) {
                // What can't be removed now is tried again next time.
                let _ = remove_own_tree(&entry.path());
            }
        }
    }

    fn about(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}{ABOUT}"))
    }
}

impl Hoard for KeptBases {
    fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let kept = |base: KeptBase| Kept {
            kind: KeptKind::Base,
            name: base.name,
            bytes: base.bytes,
            used_at: base.used_at,
            is_needed: base.in_use,
        };
        Ok(Self::list(self).into_iter().map(kept).collect())
    }

    fn remove(&self, kept: &Kept) -> Result<Attempt, StoreError> {
        Self::remove(self, &kept.name)
    }
}

/// What was unpacked or installed; everything else in there is small and made anew for the host of the day.
fn is_base(name: &str) -> bool {
    ["rootfs-", "debootstrap-", "machine-"].iter().any(|kind| name.starts_with(kind))
        && !name.ends_with(ABOUT)
}

/// The file at `path`, locked. One that was removed before the lock was had is made anew.
fn locked(path: &Path, how: FlockOperation) -> Result<File, BackendError> {
    loop {
        let file = File::options().create(true).append(true).open(path);
        let file = file.doing(|| format!("open `{}`", path.display()))?;
        flock(&file, how).doing(|| format!("lock `{}`", path.display()))?;
        if is_still(&file, path) {
            return Ok(file);
        }
    }
}
