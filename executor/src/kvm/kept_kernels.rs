//! The kernels of a store, for virtual machines: `kernels/boot/vmlinuz-VERSION` with what belongs to it beside it, and
//! `kernels/lib/modules/VERSION`. `kernels/lock` is locked, shared, by who boots them, and taken alone by who removes one.
//!
//! Knows nothing of packages and of machines. The newest is what machines boot; it would not come back by itself, so
//! whoever makes room lets only those before it go.

use crate::agent::{disk_bytes_of, remove_own_tree};
use crate::store::room::{ASIDE, Attempt, Hoard, Kept, KeptKind};
use crate::store::runs::fresh_name;
use crate::store::{StoreError, at};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Begins the names of kernels; their version follows.
pub(super) const PREFIX: &str = "vmlinuz-";

/// See the module.
#[derive(Debug)]
pub struct KeptKernels {
    directory: PathBuf,
}

/// A kernel of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptKernel {
    /// As the kernel calls itself.
    pub version: String,
    /// What it and its modules take on disk.
    pub bytes: u64,
    /// When it came here.
    pub since: SystemTime,
    /// Whether it is what machines boot.
    pub is_newest: bool,
    /// Whether a process may be booting it.
    pub in_use: bool,
}

/// As long as this lives, no kernel is removed.
#[derive(Debug)]
pub(super) struct UsingKernels(#[expect(dead_code, reason = "holds the lock")] File);

impl KeptKernels {
    /// Those of the store in this directory.
    pub fn of(store_directory: &Path) -> Self {
        Self { directory: store_directory.join("kernels") }
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn lock(&self, how: FlockOperation) -> std::io::Result<File> {
        let path = self.directory.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        flock(&file, how)?;
        Ok(file)
    }

    /// Keeps all of them; nothing where there are none.
    pub(super) fn use_them(&self) -> Option<UsingKernels> {
        self.lock(FlockOperation::LockShared).ok().map(UsingKernels)
    }

    /// All of them, the newest last.
    pub fn list(&self) -> Vec<KeptKernel> {
        let boot = self.directory.join("boot");
        let names = fs::read_dir(&boot).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let versions = names.filter_map(|name| name.strip_prefix(PREFIX).map(str::to_owned));
        let mut versions: Vec<String> = versions.collect();
        versions.sort_unstable_by_key(|version| in_parts(version));
        let in_use =
            !versions.is_empty() && self.lock(FlockOperation::NonBlockingLockExclusive).is_err();
        let last = versions.last().cloned();
        let look = |version: String| KeptKernel {
            bytes: self.parts(&version).iter().map(|part| disk_bytes_of(part)).sum(),
            since: changed_at(&boot.join(format!("{PREFIX}{version}"))),
            is_newest: last.as_ref() == Some(&version),
            in_use,
            version,
        };
        versions.into_iter().map(look).collect()
    }

    /// What belongs to a version: the kernel first, for one that is found has its modules.
    fn parts(&self, version: &str) -> Vec<PathBuf> {
        let boot = self.directory.join("boot");
        let mut parts = vec![boot.join(format!("{PREFIX}{version}"))];
        let others = fs::read_dir(&boot).into_iter().flatten().flatten().map(|entry| entry.path());
        let belongs = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| {
                !name.starts_with(PREFIX)
                    && name.strip_suffix(version).is_some_and(|kind| kind.ends_with('-'))
            })
        };
        parts.extend(others.filter(belongs));
        parts.push(self.directory.join("lib/modules").join(version));
        parts
    }

    /// Removes one unless somebody may be booting it; `None` if there is none of this version.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self, version: &str) -> Result<Option<Attempt>, StoreError> {
        if !self.list().iter().any(|kernel| kernel.version == version) {
            return Ok(None);
        }
        let Ok(_alone) = self.lock(FlockOperation::NonBlockingLockExclusive) else {
            return Ok(Some(Attempt::InUse));
        };
        let aside = self.directory.join(format!("{ASIDE}{}", fresh_name()));
        fs::create_dir_all(&aside).map_err(at("make", &aside))?;
        let mut freed = 0;
        for part in self.parts(version).iter().filter(|part| part.exists()) {
            freed += disk_bytes_of(part);
            let place = aside.join(part.file_name().unwrap_or_default());
            // A kernel and its modules have names of their own, so nothing meets in there.
            fs::rename(part, place).map_err(at("move aside", part))?;
        }
        remove_own_tree(&aside).map_err(at("remove", &aside))?;
        Ok(Some(Attempt::Removed(freed)))
    }

    /// Removes what was being removed, unpacked or fetched by processes that are gone.
    pub fn sweep(&self) {
        let Ok(_alone) = self.lock(FlockOperation::NonBlockingLockExclusive) else { return };
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(ASIDE) {
                // What can't be removed now is tried again next time.
                let _ = remove_own_tree(&entry.path());
            }
        }
    }
}

impl Hoard for KeptKernels {
    fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let kept = |kernel: KeptKernel| Kept {
            kind: KeptKind::Kernel,
            name: kernel.version,
            bytes: kernel.bytes,
            used_at: kernel.since,
            is_needed: kernel.is_newest || kernel.in_use,
        };
        Ok(Self::list(self).into_iter().map(kept).collect())
    }

    fn remove(&self, kept: &Kept) -> Result<Attempt, StoreError> {
        Ok(Self::remove(self, &kept.name)?.unwrap_or(Attempt::Removed(0)))
    }
}

/// When something was put where it is; nobody can set that time.
fn changed_at(path: &Path) -> SystemTime {
    let seconds = fs::metadata(path).map_or(0, |found| found.ctime());
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// A version to be compared: its numbers as numbers, what is between them as text.
pub(super) fn in_parts(version: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = version;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (text, next) = after.split_at(end);
        parts.push((number.parse().unwrap_or(0), text.to_owned()));
        rest = next;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernels(versions: &[&str]) -> (tempfile::TempDir, KeptKernels) {
        let place = tempfile::tempdir().unwrap();
        let kernels = KeptKernels::of(place.path());
        fs::create_dir_all(kernels.directory.join("boot")).unwrap();
        for version in versions {
            for kind in ["vmlinuz", "config"] {
                let path = kernels.directory.join(format!("boot/{kind}-{version}"));
                fs::write(path, [1; 5000]).unwrap();
            }
            let modules = kernels.directory.join("lib/modules").join(version);
            fs::create_dir_all(&modules).unwrap();
            fs::write(modules.join("a.ko"), [1; 5000]).unwrap();
        }
        (place, kernels)
    }

    fn versions(kernels: &KeptKernels) -> Vec<String> {
        kernels.list().into_iter().map(|kernel| kernel.version).collect()
    }

    #[test]
    fn a_kernel_goes_with_all_that_belongs_to_it_unless_somebody_boots() {
        let (_place, kernels) = kernels(&["6.1.0-13", "6.1.0-9", "16.1.0-9"]);
        assert_eq!(versions(&kernels), ["6.1.0-9", "6.1.0-13", "16.1.0-9"]);
        let using = kernels.use_them();
        assert!(kernels.list().iter().all(|kernel| kernel.in_use));
        assert_eq!(kernels.remove("6.1.0-9").unwrap(), Some(Attempt::InUse));
        drop(using);
        let bytes = kernels.list()[0].bytes;
        assert!(bytes >= 15_000, "{bytes}");
        assert_eq!(kernels.remove("6.1.0-9").unwrap(), Some(Attempt::Removed(bytes)));
        assert_eq!(kernels.remove("6.1.0-9").unwrap(), None);
        assert_eq!(versions(&kernels), ["6.1.0-13", "16.1.0-9"]);
        let left =
            |directory: &str| fs::read_dir(kernels.directory.join(directory)).unwrap().count();
        assert_eq!((left("boot"), left("lib/modules")), (4, 2));
    }

    #[test]
    fn whoever_makes_room_keeps_the_newest() {
        let (_place, kernels) = kernels(&["6.1.0-9", "6.1.0-13"]);
        let needed =
            Hoard::list(&kernels).unwrap().into_iter().map(|kept| (kept.name, kept.is_needed));
        let expected = [("6.1.0-9".to_owned(), false), ("6.1.0-13".to_owned(), true)];
        assert_eq!(needed.collect::<Vec<_>>(), expected);
        assert_eq!(KeptKernels::of(Path::new("/nonexistent")).list(), []);
    }
}
