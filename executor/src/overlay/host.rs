//! The base `host`: this machine's own programs, nothing of its people.
//!
//! Built by allowing, not by hiding: a directory made anew (accounts, configuration that everybody may read, empty
//! places for data), and over it only the system directories in [`SYSTEM_DIRECTORIES`]. Whatever else the host has,
//! under whatever name, does not exist in the machine.

use super::failure::Doing;
use super::host_part::HostPart;
use super::{mirror, skeleton};
use crate::agent::remove_own_tree;
use crate::backend::{BackendError, BaseImage, BaseTree};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Marks a base as the host's: its root directory.
const ROOT: &str = "/";

/// Directories that appear in the machine as they are, less what must be hidden in them. They hold programs, libraries
/// and the package database; whatever is in them came from packages or was put there for all users.
const SYSTEM_DIRECTORIES: [&str; 14] = [
    "usr",
    "opt",
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "nix",
    "gnu",
    "var/lib/dpkg",
    "var/lib/rpm",
    "var/lib/pacman",
    "var/lib/alternatives",
];

/// Package databases, whose bytes are part of the identity: a machine that was upgraded is another base.
const PACKAGE_DATABASES: [&str; 7] = [
    "/var/lib/dpkg/status",
    "/var/lib/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages",
    "/lib/apk/db/installed",
    "/var/lib/pacman/local/ALPM_DB_VERSION",
    "/nix/var/nix/db/db.sqlite",
];

/// Directories whose modification time tells about installed packages where the database is a directory.
const PACKAGE_DIRECTORIES: [&str; 1] = ["/var/lib/pacman/local"];

/// A machine of more parts than this would take long to mount.
const PART_LIMIT: usize = 64;

/// What a root is composed of.
#[derive(Debug, Clone)]
pub(super) struct Composition {
    /// Directory of the root.
    pub(super) skeleton: PathBuf,
    /// What appears in it.
    pub(super) parts: Vec<HostPart>,
    /// Directories that lie over the parts, by the same paths.
    pub(super) mirror: Option<PathBuf>,
}

impl Composition {
    /// What machines see, bottom first.
    pub(super) fn trees(&self) -> Vec<BaseTree> {
        let part =
            |part: &HostPart| BaseTree { at: part.path.clone(), directory: part.source.clone() };
        std::iter::once(BaseTree::whole(&self.skeleton))
            .chain(self.parts.iter().map(part))
            .collect()
    }
}

/// Begins the names of directories with what is copied of the host; an id of the kernel follows.
const BOOT_PREFIX: &str = "boot-";

/// Makes the base from this machine.
#[derive(Debug)]
pub(super) struct HostBase {
    bases: PathBuf,
    hidden: Vec<PathBuf>,
    composed: Mutex<Option<Composition>>,
}

impl HostBase {
    /// `hidden` are absolute paths that no machine may see.
    pub(super) fn new(bases: PathBuf, hidden: Vec<PathBuf>) -> Self {
        let hidden = hidden.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect();
        Self { bases, hidden, composed: Mutex::default() }
    }

    /// Whether an image is this base.
    pub(super) fn is_host(base: &BaseImage) -> bool {
        base.directories == [Path::new(ROOT)]
    }

    /// The image: identity only, nothing is copied yet.
    pub(super) fn prepare(&self) -> Result<BaseImage, BackendError> {
        let mut notes = vec![
            "the base `host` shows this machine's system directories; homes, data under /var, /srv, /mnt and other \
             top-level directories are not visible"
                .to_owned(),
        ];
        if !rustix::process::geteuid().is_root() {
            notes.push(
                "as an ordinary user on `host`, files that belong to the system can be replaced but not changed in place"
                    .to_owned(),
            );
        }
        Ok(BaseImage {
            identity: identity()?,
            directories: vec![PathBuf::from(ROOT)],
            notes,
            environment: BTreeMap::new(),
        })
    }

    /// What a root is composed of. The first call looks at the host's configuration and copies it if it changed; others
    /// wait for it.
    pub(super) fn compose(&self) -> Result<Composition, BackendError> {
        let mut composed = self.composed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(composed) = &*composed {
            return Ok(composed.clone());
        }
        Ok(composed.insert(self.compose_anew()?).clone())
    }

    fn compose_anew(&self) -> Result<Composition, BackendError> {
        let parts = self.parts()?;
        let places: Vec<PathBuf> = parts.iter().map(|part| part.path.clone()).collect();
        let bases = of_this_boot(&self.bases)
            .doing(|| format!("make room in `{}`", self.bases.display()))?;
        let skeleton = skeleton::ensure(&bases, &places)?;
        let mirror =
            if rustix::process::geteuid().is_root() { None } else { Some(mirror(&bases, &parts)?) };
        Ok(Composition { skeleton, parts, mirror })
    }

    fn parts(&self) -> Result<Vec<HostPart>, BackendError> {
        let mounts = mount_points();
        let mut parts = Vec::new();
        for name in SYSTEM_DIRECTORIES {
            let path = PathBuf::from(name);
            let source = Path::new(ROOT).join(name);
            if source.is_dir() && !source.is_symlink() {
                self.add(path, source, &mounts, &mut parts)?;
            }
        }
        Ok(parts)
    }

    /// Adds a directory, or, when something in it must not be seen or can't be part of an overlay, its children without that.
    fn add(
        &self,
        path: PathBuf,
        source: PathBuf,
        mounts: &[PathBuf],
        parts: &mut Vec<HostPart>,
    ) -> Result<(), BackendError> {
        if self.hidden.iter().any(|hidden| source.starts_with(hidden)) {
            return Ok(());
        }
        let is_inside = |other: &PathBuf| *other != source && other.starts_with(&source);
        if !self.hidden.iter().any(is_inside) && !mounts.iter().any(is_inside) {
            parts.push(HostPart { path, source });
            return match parts.len() {
                0..=PART_LIMIT => Ok(()),
                _ => Err(BackendError::Unavailable(format!(
                    "the base `host` falls into more than {PART_LIMIT} parts: too many mounts below the system \
                     directories; use a `rootfs` or `debootstrap` base"
                ))),
            };
        }
        let mut children: Vec<PathBuf> = fs::read_dir(&source)
            .doing(|| format!("list {}", source.display()))?
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        children.sort_unstable();
        for child in children {
            let Some(name) = child.file_name() else { continue };
            self.add(path.join(name), child.clone(), mounts, parts)?;
        }
        Ok(())
    }
}

/// Digest of the operating system's release, its packages and the architecture.
fn identity() -> Result<[u8; 32], BackendError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"layerc host 1\0");
    hasher.update(std::env::consts::ARCH.as_bytes());
    for path in ["/etc/os-release"].into_iter().chain(PACKAGE_DATABASES) {
        hash_file(&mut hasher, Path::new(path)).doing(|| format!("read {path}"))?;
    }
    for path in PACKAGE_DIRECTORIES {
        let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
        hasher.update(format!("\0{path}\0{changed:?}", changed = changed.ok()).as_bytes());
    }
    Ok(*hasher.finalize().as_bytes())
}

fn hash_file(hasher: &mut blake3::Hasher, path: &Path) -> io::Result<()> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    hasher.update(b"\0");
    hasher.update(path.as_os_str().as_encoded_bytes());
    hasher.update(b"\0");
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    hasher.update(&(content.len() as u64).to_le_bytes());
    hasher.update(&content);
    Ok(())
}

/// Where this process's file systems are mounted.
fn mount_points() -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|field| PathBuf::from(unescape(field)))
        .collect()
}

/// The kernel writes blanks and backslashes in paths as octal.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

/// The directory for what is copied of the host, and lasts until it starts again: waiting until all of it is safely on
/// disk would take longer than making it, and after a power cut nobody could tell a whole copy from a damaged one. What
/// was copied before that is removed.
fn of_this_boot(bases: &Path) -> io::Result<PathBuf> {
    // A sandbox that hides it has no power cuts of its own.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let name = format!("{BOOT_PREFIX}{}", boot.trim());
    let directory = bases.join(&name);
    if directory.is_dir() {
        return Ok(directory);
    }
    remove_earlier_boots(bases, &name)?;
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Removes what was copied before this boot. `this` may be there by now: another machine, or another process, that
/// starts at the same moment may have made it since this one looked.
fn remove_earlier_boots(bases: &Path, this: &str) -> io::Result<()> {
    for entry in fs::read_dir(bases)?.flatten() {
        let name = entry.file_name();
        if name != this && name.to_string_lossy().starts_with(BOOT_PREFIX) {
            // Nobody who could use it has lived through that. What can't be removed is only in the way.
            let _ = remove_own_tree(&entry.path());
        }
    }
    Ok(())
}

/// Made of the host's package database and the parts' names.
fn mirror(bases: &Path, parts: &[HostPart]) -> Result<PathBuf, BackendError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&identity()?);
    for part in parts {
        hasher.update(part.path.as_os_str().as_encoded_bytes());
        hasher.update(b"\0");
    }
    let digest: String = hasher.finalize().to_hex().chars().take(16).collect();
    mirror::ensure(bases, &format!("mirror2-{digest}"), parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn a_hidden_directory_splits_the_part_around_it() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for path in ["opt/a", "opt/b/store", "opt/b/tools", "opt/c"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        let host = HostBase::new(root.clone(), vec![root.join("opt/b/store")]);
        let mut parts = Vec::new();
        host.add(PathBuf::from("opt"), root.join("opt"), &[], &mut parts).unwrap();
        let paths: Vec<&str> = parts.iter().filter_map(|part| part.path.to_str()).collect();
        assert_eq!(paths, ["opt/a", "opt/b/tools", "opt/c"]);
    }

    #[test]
    fn copies_of_earlier_boots_go_and_those_of_this_one_stay() {
        let bases = tempfile::tempdir().unwrap();
        for name in ["boot-before", "boot-now", "debian"] {
            fs::create_dir_all(bases.path().join(name).join("host-1")).unwrap();
        }
        remove_earlier_boots(bases.path(), "boot-now").unwrap();
        let left = ["boot-before", "boot-now/host-1", "debian"];
        let left = left.map(|name| bases.path().join(name).is_dir());
        assert_eq!(left, [false, true, true]);
    }

    #[test]
    fn many_that_begin_at_once_keep_what_each_has_made() {
        for round in 0..4 {
            let bases = tempfile::tempdir().unwrap();
            let begin = Barrier::new(8);
            let make = |number: usize| {
                begin.wait();
                let made = of_this_boot(bases.path()).unwrap().join(number.to_string());
                fs::create_dir(&made).unwrap();
                made
            };
            let made: Vec<PathBuf> = thread::scope(|scope| {
                let make = &make;
                let threads: Vec<_> =
                    (0..8).map(|number| scope.spawn(move || make(number))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(made.iter().all(|path| path.is_dir()), "round {round}");
        }
    }

    #[test]
    fn the_identity_is_the_same_twice() {
        assert_eq!(identity().unwrap(), identity().unwrap());
    }
}
