//! One cache's directory: opened, published, forgotten, each under its lock.

use super::version::{self, Layer, is_id};
use super::{CacheInfo, CacheName, Caches};
use crate::durable::make_durable;
use crate::store::runs::{fresh_name, is_still};
use rustix::fs::{FlockOperation, flock};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a machine holds while it uses a cache.
#[derive(Debug)]
pub struct CacheUse {
    lease: Arc<Lease>,
    layers: Vec<Layer>,
}

/// A version that is to become the one others start from.
#[derive(Debug)]
pub struct Publication {
    version: Arc<PendingVersion>,
}

/// Keeps directories of a cache from being removed.
#[derive(Debug)]
struct Lease {
    place: PathBuf,
    caches: Caches,
    /// Locked as long as this is alive; names every directory it needs.
    uses: File,
    uses_path: PathBuf,
}

/// A version that isn't written yet.
#[derive(Debug)]
pub(super) struct PendingVersion {
    lease: Arc<Lease>,
    layers: Vec<Layer>,
}

/// The newest such version of each cache, by its directory.
pub(super) type Pending = Mutex<HashMap<PathBuf, Arc<PendingVersion>>>;

/// The doings of one cache's directory.
#[derive(Debug)]
pub(super) struct Place;

impl Place {
    /// Opens the cache in `place` at its version, making it if there is none.
    pub(super) fn open(place: PathBuf, name: &CacheName, caches: Caches) -> io::Result<CacheUse> {
        // Let go of after the lock, which the last of a version takes.
        let pending = lock_pending(&caches).get(&place).cloned();
        let _lock = lock(&place)?;
        for part in ["layers", "uses"] {
            fs::create_dir_all(place.join(part))?;
        }
        // Written at each use: its time says when that was.
        fs::write(place.join("name"), name.to_bytes())?;
        let layers = match &pending {
            Some(version) => version.layers.clone(),
            None => version::read(&place.join("current")),
        };
        let layers = if layers.iter().all(|layer| directory(&place, &layer.id).is_dir()) {
            layers
        } else {
            Vec::new()
        };
        let uses_path = place.join("uses").join(fresh_name());
        let mut uses = File::create_new(&uses_path)?;
        flock(&uses, FlockOperation::LockExclusive)?;
        for layer in &layers {
            uses.write_all(format!("{}\n", layer.id).as_bytes())?;
        }
        let lease = Lease { place, caches, uses, uses_path };
        Ok(CacheUse { lease: Arc::new(lease), layers })
    }

    /// What people are told of the cache in `place`, if it is one.
    pub(super) fn info(place: &Path, id: String) -> Option<CacheInfo> {
        let name = place.join("name");
        let used_at = fs::metadata(&name).and_then(|metadata| metadata.modified()).ok()?;
        let name = CacheName::from_bytes(&fs::read(&name).ok()?)?;
        let layers = version::read(&place.join("current"));
        let bytes = layers.iter().map(|layer| layer.bytes).sum();
        let users = fs::read_dir(place.join("uses")).into_iter().flatten().flatten();
        let users = users.filter(|entry| is_in_use(&entry.path())).count();
        Some(CacheInfo { id, name, bytes, used_at, users })
    }

    /// Forgets the version, and everything if nobody uses it.
    pub(super) fn forget(place: &Path, caches: &Caches) -> io::Result<()> {
        if !place.is_dir() {
            return Ok(());
        }
        // Let go of after the lock, which the last of a version takes.
        let _forgotten = lock_pending(caches).remove(place);
        let _lock = lock(place)?;
        match fs::remove_file(place.join("current")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        if needed(place).is_empty() {
            return caches.throw_away(place);
        }
        remove_unneeded(place, caches)
    }
}

impl CacheUse {
    /// The directories to show, bottom first.
    pub fn layers(&self) -> Vec<PathBuf> {
        self.layers.iter().map(|layer| directory(&self.lease.place, &layer.id)).collect()
    }

    /// A place for a new directory of the stack; nobody removes what will be there as long as this lives.
    ///
    /// # Errors
    /// When it can't be written down.
    pub fn new_layer(&mut self) -> io::Result<PathBuf> {
        let id = fresh_name();
        (&self.lease.uses).write_all(format!("{id}\n").as_bytes())?;
        Ok(directory(&self.lease.place, &id))
    }

    /// Puts a directory from [`Self::new_layer`] on top.
    pub fn add(&mut self, directory: &Path, bytes: u64) {
        let id = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.layers.push(Layer { id, bytes });
    }

    /// Puts a directory from [`Self::new_layer`] in place of all others, whose files it has.
    pub fn replace(&mut self, directory: &Path, bytes: u64) {
        self.layers.clear();
        self.add(directory, bytes);
    }

    /// What others may start from: in this process from now on, elsewhere when it is published.
    pub fn publication(&self) -> Publication {
        let Self { lease, layers } = self;
        let version = PendingVersion { lease: Arc::clone(lease), layers: layers.clone() };
        let version = Arc::new(version);
        let replaced =
            lock_pending(&lease.caches).insert(lease.place.clone(), Arc::clone(&version));
        drop(replaced);
        Publication { version }
    }
}

impl Drop for Lease {
    /// What can't be removed now is removed by the next who uses the cache.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.uses_path);
        if let Ok(_lock) = lock(&self.place) {
            let _ = remove_unneeded(&self.place, &self.caches);
        }
    }
}

impl Publication {
    /// Makes it the version that others start from, once its files are safely on disk; removes what no version and no
    /// machine needs any more.
    ///
    /// # Errors
    /// When the disk is full. Then the version before stays.
    pub fn publish(&self) -> io::Result<()> {
        let PendingVersion { lease, layers } = &*self.version;
        let Lease { place, caches, .. } = &**lease;
        for layer in layers {
            let directory = directory(place, &layer.id);
            let mark = directory.with_extension("durable");
            if !mark.exists() {
                make_durable(&directory)?;
                File::create(&mark)?;
            }
        }
        let _lock = lock(place)?;
        version::write(&place.join("current"), layers)?;
        remove_unneeded(place, caches)
    }
}

impl Drop for Publication {
    /// Written or given up, it is pending no more.
    fn drop(&mut self) {
        let Lease { place, caches, .. } = &*self.version.lease;
        let mut pending = lock_pending(caches);
        if pending.get(place).is_some_and(|newest| Arc::ptr_eq(newest, &self.version)) {
            let version = pending.remove(place);
            // Letting go of the last lease takes the cache's lock, which others hold before they take this one.
            drop(pending);
            drop(version);
        }
    }
}

fn lock_pending(caches: &Caches) -> MutexGuard<'_, HashMap<PathBuf, Arc<PendingVersion>>> {
    caches.pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds the cache's lock, in a directory that is made if it isn't there.
fn lock(place: &Path) -> io::Result<File> {
    let path = place.join("lock");
    loop {
        fs::create_dir_all(place)?;
        let lock = File::create(&path)?;
        flock(&lock, FlockOperation::LockExclusive)?;
        if is_still(&lock, &path) {
            return Ok(lock);
        }
    }
}

fn directory(place: &Path, id: &str) -> PathBuf {
    place.join("layers").join(id)
}

/// Directories that a version or a machine needs. Files of dead machines are removed on the way.
fn needed(place: &Path) -> HashSet<String> {
    let current = version::read(&place.join("current")).into_iter().map(|layer| layer.id);
    let mut needed: HashSet<String> = current.collect();
    for entry in fs::read_dir(place.join("uses")).into_iter().flatten().flatten() {
        if is_in_use(&entry.path()) {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            needed.extend(text.lines().map(str::to_owned));
        } else {
            let _ = fs::remove_file(entry.path());
        }
    }
    needed
}

fn is_in_use(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_err())
}

fn remove_unneeded(place: &Path, caches: &Caches) -> io::Result<()> {
    let needed = needed(place);
    for entry in fs::read_dir(place.join("layers"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let id = name.strip_suffix(".durable").unwrap_or(&name);
        if needed.contains(id) {
            continue;
        }
        if is_id(&name) {
            caches.throw_away(&entry.path())?;
        } else {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}
