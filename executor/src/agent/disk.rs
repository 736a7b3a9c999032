//! What a machine has written to disk and not frozen yet, and when that is too much.
//!
//! No file system offers a limit for one directory to everybody, so the agent looks: often at the free space of the store's
//! file system, which costs nothing, and at the machine's own directories only when enough is gone that it could have
//! been this machine. Knows no layers and no commands.

use super::open_files::open_files;
use super::protocol::DiskLimits;
use rustix::fs::{StatVfs, statvfs};
use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the free space is looked at.
pub(crate) const INTERVAL: Duration = Duration::from_millis(50);

/// Looking at a machine's directories takes at most one of so many parts of the time.
const REST: u32 = 20;

/// Looked at anew after so long, whatever the free space says: others may free what this machine takes.
const LONGEST: Duration = Duration::from_secs(20);

/// Bytes of a block of `stat`, whatever the file system's are.
const BLOCK: u64 = 512;

/// `OVERLAYFS_SUPER_MAGIC` of the kernel's `include/uapi/linux/magic.h`.
const OVERLAY: u64 = 0x794c_7630;

/// Watches one machine.
#[derive(Debug)]
pub(crate) struct DiskWatch {
    limits: DiskLimits,
    directory: PathBuf,
    processes: PathBuf,
    last: Option<Measured>,
}

/// What was seen when the directories were looked at.
#[derive(Debug, Clone, Copy)]
struct Measured {
    used: u64,
    free: u64,
    at: Instant,
    took: Duration,
}

impl DiskWatch {
    /// Of the machine whose unfrozen files are in `directory`, and whose processes `processes` shows.
    pub(crate) fn new(limits: DiskLimits, directory: PathBuf, processes: PathBuf) -> Self {
        Self { limits, directory, processes, last: None }
    }

    /// Why the machine must not go on, if that is so.
    pub(crate) fn excess(&mut self) -> Option<String> {
        let space = statvfs(&self.directory).ok()?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let reserve = reserve(&space);
        if !self.could_be_too_much(free, reserve) {
            return None;
        }
        let began = Instant::now();
        let used = self.used();
        self.last = Some(Measured { used, free, at: began, took: began.elapsed() });
        match self.limits.most_bytes {
            Some(most) if used > most => Some(format!(
                "it wrote {} to disk, and {} is the limit for a step: `--max-disk`, or `max_disk` in layerc.toml",
                mebibytes(used),
                mebibytes(most)
            )),
            _ if free < reserve && used > reserve => Some(format!(
                "it wrote {} to disk, and only {} are left where the store is; free space or choose another place with \
                 `--store DIRECTORY`",
                mebibytes(used),
                mebibytes(free)
            )),
            _ => None,
        }
    }

    /// Whether it is time to look at the directories.
    fn could_be_too_much(&self, free: u64, reserve: u64) -> bool {
        let Some(last) = self.last else {
            return free < reserve || self.limits.most_bytes.is_some();
        };
        let since = last.at.elapsed();
        if since < last.took * REST {
            return false;
        }
        let possible = last.used.saturating_add(last.free.saturating_sub(free));
        let limited = self.limits.most_bytes.is_some_and(|most| possible > most || since > LONGEST);
        limited || (free < reserve && possible > reserve)
    }

    /// Bytes of files, of those too that were removed while somebody has them open.
    fn used(&self) -> u64 {
        let Ok(own) = fs::metadata(&self.directory) else { return 0 };
        below(&self.directory, own.dev()) + open_without_name(&self.processes)
    }
}

/// What is to be left for others: so much that nobody who writes little fails meanwhile.
fn reserve(space: &StatVfs) -> u64 {
    const PARTS: u64 = 50;
    const MOST: u64 = 256 << 20;
    (space.f_blocks.saturating_mul(space.f_frsize) / PARTS).min(MOST)
}

/// Bytes below a directory on one device: the stage, which is mounted there, is another.
fn below(directory: &Path, device: u64) -> u64 {
    let mut bytes = 0_u64;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(found) = entry.metadata() else { continue };
        if found.dev() != device {
            continue;
        }
        bytes = bytes.saturating_add(on_disk(&found));
        if found.is_dir() {
            bytes = bytes.saturating_add(below(&entry.path(), device));
        }
    }
    bytes
}

/// A file's share: one with several names is there once.
fn on_disk(found: &Metadata) -> u64 {
    let names = if found.is_dir() { 1 } else { found.nlink().max(1) };
    found.blocks().saturating_mul(BLOCK) / names
}

/// Bytes of files on overlays that have no name any more and are open in some process.
fn open_without_name(processes: &Path) -> u64 {
    let mut known = HashSet::new();
    let mut bytes = 0_u64;
    for link in open_files(processes).map(|open| open.link()) {
        let Ok(found) = fs::metadata(&link) else { continue };
        let is_nameless = found.is_file() && found.nlink() == 0;
        if is_nameless && is_on_overlay(&link) && known.insert((found.dev(), found.ino())) {
            bytes = bytes.saturating_add(found.blocks().saturating_mul(BLOCK));
        }
    }
    bytes
}

fn is_on_overlay(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|answer| u64::try_from(answer.f_type) == Ok(OVERLAY))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(directory: &Path, most_bytes: u64) -> DiskWatch {
        let limits = DiskLimits { most_bytes: Some(most_bytes) };
        DiskWatch::new(limits, directory.to_owned(), PathBuf::from("/nonexistent"))
    }

    #[test]
    fn only_what_is_on_disk_counts_and_links_count_once() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("upper-1/deep")).unwrap();
        let file = place.path().join("upper-1/deep/file");
        fs::write(&file, vec![1; 1 << 20]).unwrap();
        fs::hard_link(&file, place.path().join("upper-1/again")).unwrap();
        fs::File::create(place.path().join("sparse")).unwrap().set_len(1 << 40).unwrap();
        let used = watch(place.path(), 0).used();
        assert!((1 << 20..3 << 19).contains(&used), "{used}");
    }

    #[test]
    fn a_limit_is_kept_and_told() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), vec![1; 3 << 20]).unwrap();
        assert_eq!(watch(place.path(), 4 << 20).excess(), None);
        let told = watch(place.path(), 1 << 20).excess().unwrap();
        assert!(told.starts_with("it wrote 3 MiB to disk, and 1 MiB is the limit"), "{told}");
    }

    #[test]
    fn the_directories_are_looked_at_only_when_it_could_be_too_much() {
        let mut watch = watch(Path::new("/"), 10 << 20);
        assert!(watch.could_be_too_much(1 << 30, 0), "nothing is known yet");
        let long_ago = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        let seen = Measured { used: 4 << 20, free: 1 << 30, at: long_ago, took: Duration::ZERO };
        watch.last = Some(seen);
        assert!(!watch.could_be_too_much((1 << 30) - (6 << 20), 0));
        assert!(watch.could_be_too_much((1 << 30) - (7 << 20), 0));
        watch.last = Some(Measured { took: Duration::from_secs(1), ..seen });
        assert!(!watch.could_be_too_much(0, 0), "looking took long, it is not done all the time");
    }
}
