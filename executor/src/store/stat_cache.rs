//! Digests of files and listings under their stamps, kept in the store: what lets a run with nothing to do take
//! milliseconds. Losing it costs time, never correctness.

use super::index::{Table, key};
use super::{Store, StoreError};
use crate::read_set::{Fingerprint, TrackedPath};
use crate::tracked::{Stamp, StatCache};
use heed::{RoTxn, WithoutTls};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Digests kept in memory before they are written in one go.
const MOST_PENDING: usize = 50_000;

/// Bytes of a stored stamp: four numbers of 8 bytes, the mode, and one more.
const STAMP_BYTES: usize = 44;

/// A read transaction and when it was begun.
type PooledView = (Instant, RoTxn<'static, WithoutTls>);

/// An older view is not used again: the file can't reuse what was freed since.
const OLDEST_VIEW: Duration = Duration::from_secs(2);

type Pending = HashMap<TrackedPath, (Stamp, Fingerprint)>;

/// The stat cache of one repository.
pub struct StoredStatCache {
    store: Arc<Store>,
    /// Tells repositories apart.
    repository: [u8; 8],
    pending: RwLock<Pending>,
    /// Read transactions to be used again: beginning one takes a lock shared by all processes.
    views: Mutex<Vec<PooledView>>,
}

impl std::fmt::Debug for StoredStatCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StoredStatCache")
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

impl StoredStatCache {
    /// For the repository at `root`.
    pub fn new(store: Arc<Store>, root: &Path) -> Self {
        let digest = blake3::hash(root.as_os_str().as_encoded_bytes());
        let repository = *digest.as_bytes().first_chunk::<8>().unwrap_or(&[0; 8]);
        Self { store, repository, pending: RwLock::default(), views: Mutex::default() }
    }

    /// Writes what was put since the last call.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.lock_views().clear();
        let pending =
            std::mem::take(&mut *self.pending.write().unwrap_or_else(PoisonError::into_inner));
        if pending.is_empty() {
            return Ok(());
        }
        let mut entries: Vec<_> = pending
            .into_iter()
            .map(|(path, (stamp, fingerprint))| (self.key(&path), encode(&stamp, &fingerprint)))
            .collect();
        entries.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        self.store
            .index()
            .write(|writer| entries.iter().try_for_each(|(key, value)| writer.put(key, value)))
    }

    fn lock_views(&self) -> MutexGuard<'_, Vec<PooledView>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, path: &TrackedPath) -> Vec<u8> {
        let digest = blake3::hash(path.as_bytes());
        key(
            Table::Stat,
            &[&self.repository, digest.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16])],
        )
    }

    fn stored(&self, path: &TrackedPath) -> Option<(Stamp, Fingerprint)> {
        let pooled = self.lock_views().pop().filter(|(begun, _)| begun.elapsed() < OLDEST_VIEW);
        let (begun, view) = match pooled {
            Some(pooled) => pooled,
            None => (Instant::now(), self.store.index().static_view().ok()?),
        };
        let found = self.store.index().bytes_in(&view, &self.key(path)).and_then(decode);
        self.lock_views().push((begun, view));
        found
    }
}

impl StatCache for StoredStatCache {
    fn get(&self, path: &TrackedPath, stamp: &Stamp) -> Option<Fingerprint> {
        let pending =
            self.pending.read().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        let (known, fingerprint) = pending.or_else(|| self.stored(path))?;
        (known == *stamp).then_some(fingerprint)
    }

    fn put(&self, path: &TrackedPath, stamp: &Stamp, fingerprint: &Fingerprint) {
        let count = {
            let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
            pending.insert(path.clone(), (*stamp, *fingerprint));
            pending.len()
        };
        if count >= MOST_PENDING {
            // A full disk is reported by the records that can't be written either.
            let _ = self.flush();
        }
    }
}

impl Drop for StoredStatCache {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

fn encode(stamp: &Stamp, fingerprint: &Fingerprint) -> Vec<u8> {
    let Stamp { device, inode, size, mode, modified_nanoseconds, changed_nanoseconds } = *stamp;
    let mut bytes = Vec::with_capacity(STAMP_BYTES + fingerprint.0.len());
    for number in [device, inode, size] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&mode.to_le_bytes());
    for time in [modified_nanoseconds, changed_nanoseconds] {
        bytes.extend_from_slice(&time.to_le_bytes());
    }
    bytes.extend_from_slice(&fingerprint.0);
    bytes
}

fn decode(bytes: &[u8]) -> Option<(Stamp, Fingerprint)> {
    let (device, rest) = bytes.split_first_chunk::<8>()?;
    let (inode, rest) = rest.split_first_chunk::<8>()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (mode, rest) = rest.split_first_chunk::<4>()?;
    let (modified, rest) = rest.split_first_chunk::<8>()?;
    let (changed, rest) = rest.split_first_chunk::<8>()?;
    let stamp = Stamp {
        device: u64::from_le_bytes(*device),
        inode: u64::from_le_bytes(*inode),
        size: u64::from_le_bytes(*size),
        mode: u32::from_le_bytes(*mode),
        modified_nanoseconds: i64::from_le_bytes(*modified),
        changed_nanoseconds: i64::from_le_bytes(*changed),
    };
    Some((stamp, Fingerprint(rest.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::StoredStatCache;
    use crate::read_set::{Fingerprint, TrackedPath};
    use crate::store::Store;
    use crate::tracked::{Stamp, StatCache};
    use std::path::Path;
    use std::sync::Arc;

    #[test]
    fn digests_are_found_before_and_after_they_are_written_and_only_under_their_stamp() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path()).unwrap());
        let stamp = |size| Stamp {
            device: 1,
            inode: 2,
            size,
            mode: 0o100_644,
            modified_nanoseconds: -5,
            changed_nanoseconds: i64::MAX,
        };
        let path = TrackedPath::new("a/b");
        let cache = StoredStatCache::new(Arc::clone(&store), Path::new("/r"));
        cache.put(&path, &stamp(7), &Fingerprint([3; 32]));
        assert_eq!(cache.get(&path, &stamp(7)), Some(Fingerprint([3; 32])));
        drop(cache);
        let cache = StoredStatCache::new(Arc::clone(&store), Path::new("/r"));
        assert_eq!(cache.get(&path, &stamp(7)), Some(Fingerprint([3; 32])));
        assert_eq!(cache.get(&path, &stamp(8)), None);
        assert_eq!(StoredStatCache::new(store, Path::new("/other")).get(&path, &stamp(7)), None);
    }
}
