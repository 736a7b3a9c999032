//! The base `rootfs`: a folder, used in place, or an archive, unpacked once and kept by its digest.

use super::archive::unpack;
use super::failure::Doing;
use super::kept_bases::{KeptBases, NEW_PREFIX};
use super::store_layout::fresh_name;
use crate::agent::remove_own_tree;
use crate::archive::Ownership;
use crate::backend::{BackendError, BaseImage, ImageSource};
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Makes a folder or archive a base.
pub(super) fn prepare(
    path: &Path,
    bases: &KeptBases,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<BaseImage, BackendError> {
    let metadata = fs::metadata(path).map_err(|error| {
        BackendError::Unavailable(format!(
            "the root file system `{}` can't be used: {error}",
            path.display()
        ))
    })?;
    if metadata.is_dir() {
        folder(path, bases.directory())
    } else {
        archive(path, &metadata, bases, progress)
    }
}

/// Whether a folder is there, or an archive unpacked and its digest known.
pub(super) fn is_ready(path: &Path, bases: &Path) -> bool {
    let Ok(metadata) = fs::metadata(path) else { return false };
    metadata.is_dir()
        || known_digest(&digest_place(&metadata, bases))
            .is_some_and(|identity| bases.join(archive_name(&identity)).is_dir())
}

fn folder(path: &Path, bases: &Path) -> Result<BaseImage, BackendError> {
    let path = path.canonicalize().doing(|| format!("find `{}`", path.display()))?;
    if bases.starts_with(&path) {
        return Err(BackendError::Unavailable(format!(
            "the root file system `{}` contains the store; put one of them elsewhere",
            path.display()
        )));
    }
    check(&path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"layerc folder 1\0");
    hash_folder(&mut hasher, &path).doing(|| format!("look at `{}`", path.display()))?;
    Ok(BaseImage {
        identity: *hasher.finalize().as_bytes(),
        directories: vec![path],
        notes: Vec::new(),
        environment: BTreeMap::new(),
    })
}

/// What is in a folder, by names and what `stat` tells of a change.
fn hash_folder(hasher: &mut blake3::Hasher, directory: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    hasher.update(&entries.len().to_le_bytes());
    for entry in entries {
        let metadata = entry.metadata()?;
        hasher.update(entry.file_name().as_bytes());
        hasher.update(b"\0");
        let owner = (i64::from(metadata.uid()) << 32) | i64::from(metadata.gid());
        let size = if metadata.is_dir() { 0 } else { metadata.size().cast_signed() };
        for fact in [i64::from(metadata.mode()), owner, size] {
            hasher.update(&fact.to_le_bytes());
        }
        if metadata.is_dir() {
            hash_folder(hasher, &entry.path())?;
        } else {
            hasher.update(&metadata.mtime().to_le_bytes());
            hasher.update(&metadata.mtime_nsec().to_le_bytes());
        }
    }
    Ok(())
}

fn archive(
    path: &Path,
    metadata: &Metadata,
    bases: &KeptBases,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<BaseImage, BackendError> {
    let identity = archive_digest(path, metadata, bases.directory())?;
    let name = archive_name(&identity);
    let directory = bases.directory().join(&name);
    bases.hold(&name, &ImageSource::RootFileSystem(path.to_owned()))?;
    let is_root = rustix::process::geteuid().is_root();
    if !directory.is_dir() {
        progress(&format!("unpacking {}", path.display()));
        let _making = bases.making()?;
        let beside = bases.directory().join(format!("{NEW_PREFIX}{}", fresh_name()));
        fs::create_dir(&beside).doing(|| format!("make {}", beside.display()))?;
        let ownership = if is_root { Ownership::Kept } else { Ownership::Own };
        let made = unpack(path, &beside, ownership).and_then(|()| check(&beside));
        place(made, &beside, &directory)?;
    }
    let note = "files of the archive that had other owners than root belong to root, since this is not root";
    let notes = if is_root { Vec::new() } else { vec![note.to_owned()] };
    Ok(BaseImage { identity, directories: vec![directory], notes, environment: BTreeMap::new() })
}

fn archive_name(identity: &[u8; 32]) -> String {
    let name: String = blake3::Hash::from_bytes(*identity).to_hex().chars().take(16).collect();
    format!("rootfs-{name}")
}

/// Moves a base that was made beside into its place, or removes what was half made.
pub(super) fn place(
    made: Result<(), BackendError>,
    beside: &Path,
    directory: &Path,
) -> Result<(), BackendError> {
    let placed = made.and_then(|()| {
        sync(beside)?;
        fs::rename(beside, directory).doing(|| format!("make {}", directory.display()))
    });
    match placed {
        Ok(()) => Ok(()),
        Err(error) => {
            let _ = remove_own_tree(beside);
            // Another process may have been faster.
            if directory.is_dir() { Ok(()) } else { Err(error) }
        }
    }
}

/// Waits until everything of a base is on disk: after a power cut, its name must not stand for empty files.
fn sync(directory: &Path) -> Result<(), BackendError> {
    let action = || format!("have {} on disk", directory.display());
    let opened = fs::File::open(directory).doing(action)?;
    rustix::fs::syncfs(&opened).doing(action)
}

/// Steps are run by bash: without it nothing would work, and the reason would be hard to see.
fn check(root: &Path) -> Result<(), BackendError> {
    let has = |name: &str| root.join(name).symlink_metadata().is_ok();
    if has("bin/bash") || has("usr/bin/bash") || root.join("bin").is_symlink() {
        return Ok(());
    }
    Err(BackendError::Unavailable(
        "the root file system has no /bin/bash, which runs the steps".to_owned(),
    ))
}

/// The digest of an archive's bytes, remembered as long as its `stat` stays the same.
fn archive_digest(
    path: &Path,
    metadata: &Metadata,
    bases: &Path,
) -> Result<[u8; 32], BackendError> {
    let memory = digest_place(metadata, bases);
    if let Some(known) = known_digest(&memory) {
        return Ok(known);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"layerc archive 1\0");
    let mut file = File::open(path).doing(|| format!("read {}", path.display()))?;
    io::copy(&mut file, &mut hasher).doing(|| format!("read {}", path.display()))?;
    let hash = hasher.finalize();
    // Only saves time; a store that is full must not stop what needs no space.
    let _ = fs::write(&memory, hash.to_hex().as_str());
    Ok(*hash.as_bytes())
}

/// The digest of a file, remembered in `memory` as long as its `stat` stays the same.
pub(crate) fn file_digest(path: &Path, memory: &Path) -> Result<[u8; 32], BackendError> {
    let metadata = fs::metadata(path).doing(|| format!("read {}", path.display()))?;
    archive_digest(path, &metadata, memory)
}

/// Where the digest of an archive with this `stat` is remembered.
fn digest_place(metadata: &Metadata, bases: &Path) -> PathBuf {
    let stamp = format!(
        "{}:{}:{}:{}:{}.{}",
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.ctime(),
        metadata.mtime(),
        metadata.mtime_nsec()
    );
    bases.join(format!("digest-{}", blake3::hash(stamp.as_bytes()).to_hex()))
}

fn known_digest(place: &Path) -> Option<[u8; 32]> {
    let text = fs::read_to_string(place).ok()?;
    blake3::Hash::from_hex(text.trim()).ok().map(|hash| *hash.as_bytes())
}
