//! Stamps: what `stat` says about a file that changes whenever the file does, and when to believe it.
//!
//! Does not know what is cached under a stamp, nor where.

use crate::read_set::{Fingerprint, TrackedPath};
use rustix::fs::{Statx, StatxTimestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// Timestamps come from the kernel's tick, up to 10 ms coarse: a file written twice within one tick can keep
/// its stamp. A stamp is believed only once it is older than this (several ticks).
const TICK_MARGIN_NANOSECONDS: i64 = 50_000_000;

/// Some filesystems keep whole or even seconds only (FAT: two). Their timestamps end in zeros.
const SECOND_MARGIN_NANOSECONDS: i64 = 2_100_000_000;

/// Identity and version of a file as its `stat` shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Device number, major and minor.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// File type and permission bits.
    pub mode: u32,
    /// Last change of the bytes, nanoseconds since 1970.
    pub modified_nanoseconds: i64,
    /// Last change of anything, nanoseconds since 1970. Programs can't set it back.
    pub changed_nanoseconds: i64,
}

impl Stamp {
    /// The stamp in a `statx` answer.
    pub(super) fn of(status: &Statx) -> Self {
        Self {
            device: u64::from(status.stx_dev_major) << 32 | u64::from(status.stx_dev_minor),
            inode: status.stx_ino,
            size: status.stx_size,
            mode: u32::from(status.stx_mode),
            modified_nanoseconds: nanoseconds(&status.stx_mtime),
            changed_nanoseconds: nanoseconds(&status.stx_ctime),
        }
    }

    /// Whether a change made at `now` (nanoseconds since 1970) or later would show in the stamp.
    ///
    /// Ask with the moment *before* the file was read: then what was read belongs to this stamp for good.
    pub fn is_settled(&self, now: i64) -> bool {
        let newest = self.modified_nanoseconds.max(self.changed_nanoseconds);
        let margin = if newest % 1_000_000_000 == 0 {
            SECOND_MARGIN_NANOSECONDS
        } else {
            TICK_MARGIN_NANOSECONDS
        };
        newest.saturating_add(margin) < now
    }
}

fn nanoseconds(time: &StatxTimestamp) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(time.tv_nsec))
}

/// Nanoseconds since 1970 by the clock that file times come from.
pub(super) fn now_nanoseconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Remembers digests that cost reading: of a file's content, of a directory's listing.
///
/// Only settled stamps are put (see [`Stamp::is_settled`]), so an implementation needs no notion of time.
pub trait StatCache: Send + Sync {
    /// What was put for exactly this path and stamp.
    fn get(&self, path: &TrackedPath, stamp: &Stamp) -> Option<Fingerprint>;
    /// Remembers a digest, replacing the path's earlier one.
    fn put(&self, path: &TrackedPath, stamp: &Stamp, fingerprint: &Fingerprint);
}

/// A stat cache that lives as long as the process.
#[derive(Debug, Default)]
pub struct MemoryStatCache {
    entries: RwLock<HashMap<TrackedPath, (Stamp, Fingerprint)>>,
}

impl StatCache for MemoryStatCache {
    fn get(&self, path: &TrackedPath, stamp: &Stamp) -> Option<Fingerprint> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(path).and_then(|(known, fingerprint)| (known == stamp).then_some(*fingerprint))
    }

    fn put(&self, path: &TrackedPath, stamp: &Stamp, fingerprint: &Fingerprint) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.insert(path.clone(), (*stamp, *fingerprint));
    }
}

#[cfg(test)]
mod tests {
    use super::{MemoryStatCache, Stamp, StatCache};
    use crate::read_set::{Fingerprint, TrackedPath};

    fn stamp(changed_nanoseconds: i64) -> Stamp {
        Stamp {
            device: 1,
            inode: 2,
            size: 3,
            mode: 0o100_644,
            modified_nanoseconds: 5,
            changed_nanoseconds,
        }
    }

    #[test]
    fn a_stamp_is_believed_only_when_it_is_older_than_the_clock_s_tick() {
        let second = 1_000_000_000;
        assert!(!stamp(7 * second + 1).is_settled(7 * second + 2));
        assert!(stamp(7 * second + 1).is_settled(7 * second + 60_000_000));
        assert!(
            !stamp(7 * second).is_settled(9 * second),
            "whole seconds: the filesystem may be coarse"
        );
        assert!(stamp(7 * second).is_settled(10 * second));
        assert!(!stamp(9 * second).is_settled(second), "a file from the future is never believed");
    }

    #[test]
    fn a_remembered_digest_needs_the_very_stamp() {
        let cache = MemoryStatCache::default();
        let path = TrackedPath::new("a");
        cache.put(&path, &stamp(1), &Fingerprint([7; 32]));
        assert_eq!(cache.get(&path, &stamp(1)), Some(Fingerprint([7; 32])));
        assert_eq!(cache.get(&path, &stamp(2)), None);
        assert_eq!(cache.get(&TrackedPath::new("b"), &stamp(1)), None);
    }
}
