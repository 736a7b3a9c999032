//! Several directories of an overlay made one: what the kernel would show of them, by hard links. Either the whole of an
//! overlay, or some layers of one with others below them, where marks of what was taken away go on meaning something.
//!
//! The directories stay as they are; nobody writes to their files, so sharing them is safe.

use super::layers::copy_attributes;
use super::live_copy::is_opaque;
use crate::archive::{OPAQUE_ATTRIBUTE, extended_attribute, extended_attributes};
use rustix::fs::{
    AtFlags, CWD, FileType, Timespec, Timestamps, UTIME_NOW, XattrFlags, setxattr, utimensat,
};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the directories are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Below {
    /// All there is.
    Nothing,
    /// A part of an overlay, with other layers below.
    Others,
}

/// Makes `target` what is seen of these directories, bottom first.
pub(crate) fn merge(stack: &[PathBuf], below: Below, target: &Path) -> io::Result<()> {
    fs::create_dir(target)?;
    for directory in stack {
        lay(directory, below, target)?;
    }
    // The directory itself is new, whatever is in it: by its time others tell whose it can be.
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    Ok(utimensat(CWD, target, &times, AtFlags::empty())?)
}

/// What the files below a directory take on disk; what can't be looked at counts nothing.
pub(crate) fn disk_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| disk_bytes_of(&entry.path())).sum()
}

/// The same of a file, or of a directory with itself.
pub(crate) fn disk_bytes_of(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let below = if metadata.is_dir() { disk_bytes(path) } else { 0 };
    metadata.blocks() * 512 + below
}

/// Lays a directory over another.
fn lay(source: &Path, below: Below, target: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(source)?;
    set_attributes(&found, target)?;
    copy_extended(source, target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (path, place) = (entry.path(), target.join(entry.file_name()));
        let metadata = entry.metadata()?;
        if is_whiteout(&metadata) && below == Below::Nothing {
            remove(&place)?;
        } else if metadata.is_dir() {
            make_directory(&path, below, &place)?;
            lay(&path, below, &place)?;
        } else {
            remove(&place)?;
            link(&path, &place, &metadata)?;
        }
    }
    // Last: what was put into it has changed it.
    set_time(&found, target)
}

/// Makes the place of a directory one that shows what is below it as the directory did.
fn make_directory(source: &Path, below: Below, place: &Path) -> io::Result<()> {
    let was = fs::symlink_metadata(place);
    let hides = is_opaque(source);
    if !hides && was.as_ref().is_ok_and(Metadata::is_dir) {
        return Ok(());
    }
    remove(place)?;
    fs::create_dir(place)?;
    if below == Below::Others && (hides || was.is_ok()) {
        setxattr(place, OPAQUE_ATTRIBUTE, b"y", XattrFlags::empty())?;
    }
    Ok(())
}

/// Gives a directory the attributes that programs stored with another, and its access lists. What speaks to the overlay
/// stays behind.
fn copy_extended(source: &Path, target: &Path) -> io::Result<()> {
    for name in extended_attributes(source)? {
        let bytes = name.as_bytes();
        let is_a_program_s = bytes.starts_with(b"user.") && !bytes.starts_with(b"user.overlay.");
        if (is_a_program_s || bytes.starts_with(b"system.posix_acl_"))
            && let Some(value) = extended_attribute(source, &name)?
        {
            setxattr(target, &name, &value, XattrFlags::empty())?;
        }
    }
    Ok(())
}

fn set_time(from: &Metadata, to: &Path) -> io::Result<()> {
    let time = Timespec { tv_sec: from.mtime(), tv_nsec: from.mtime_nsec() };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, to, &times, AtFlags::empty())?)
}

fn set_attributes(from: &Metadata, to: &Path) -> io::Result<()> {
    copy_attributes(from, to).map_err(|failure| io::Error::other(format!("{failure:?}")))
}

/// A file has few thousand names on some file systems; then it is copied.
fn link(source: &Path, target: &Path, metadata: &Metadata) -> io::Result<()> {
    match fs::hard_link(source, target) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MLINK.raw_os_error()) => {
            fs::copy(source, target)?;
            set_attributes(metadata, target)
        }
        other => other,
    }
}

/// Whether this stands for a removed file.
pub(crate) fn is_whiteout(metadata: &Metadata) -> bool {
    FileType::from_raw_mode(metadata.mode()) == FileType::CharacterDevice && metadata.rdev() == 0
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => super::removal::remove_own_tree(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::Mode;

    #[test]
    fn what_is_seen_is_linked() {
        let root = tempfile::tempdir().unwrap();
        let (low, high, target) =
            (root.path().join("low"), root.path().join("high"), root.path().join("target"));
        for directory in ["low/both", "low/gone", "high/both", "high/now-a-directory"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        for file in
            ["low/kept", "low/both/old", "low/removed", "low/now-a-directory", "high/both/new"]
        {
            fs::write(root.path().join(file), file).unwrap();
        }
        fs::write(low.join("changed"), "1").unwrap();
        fs::write(high.join("changed"), "2").unwrap();
        for name in ["removed", "gone"] {
            let made = rustix::fs::mknodat(
                CWD,
                high.join(name),
                FileType::CharacterDevice,
                Mode::empty(),
                0,
            );
            if made.is_err() {
                println!("SKIPPED: this user can't make the devices that stand for removed files");
                return;
            }
        }
        merge(&[low.clone(), high], Below::Nothing, &target).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort_unstable();
        assert_eq!(names, ["both", "changed", "kept", "now-a-directory"]);
        assert_eq!(fs::read_to_string(target.join("changed")).unwrap(), "2");
        assert!(target.join("both/old").is_file() && target.join("both/new").is_file());
        assert_eq!(
            fs::metadata(target.join("kept")).unwrap().ino(),
            fs::metadata(low.join("kept")).unwrap().ino()
        );
    }

    #[test]
    fn layers_over_others_go_on_hiding_what_they_hid() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for directory in
            ["base/tree", "base/back", "one/tree", "two/back", "two/tree", "view", "upper", "work"]
        {
            fs::create_dir_all(path(directory)).unwrap();
        }
        for file in [
            "base/gone",
            "base/tree/old",
            "base/back/old",
            "base/file",
            "one/tree/new",
            "two/back/new",
            "two/tree/newer",
        ] {
            fs::write(path(file), file).unwrap();
        }
        setxattr(path("one/tree"), OPAQUE_ATTRIBUTE, b"y", XattrFlags::empty()).unwrap();
        for name in ["one/gone", "one/back"] {
            let made =
                rustix::fs::mknodat(CWD, path(name), FileType::CharacterDevice, Mode::empty(), 0);
            if made.is_err() {
                println!("SKIPPED: this user can't make the devices that stand for removed files");
                return;
            }
        }
        merge(&[path("one"), path("two")], Below::Others, &path("folded")).unwrap();
        assert!(is_whiteout(&fs::symlink_metadata(path("folded/gone")).unwrap()));
        // `back` was taken away and made anew, `tree` hid what was below it before something was added.
        for name in ["folded/back", "folded/tree"] {
            assert!(is_opaque(&path(name)), "{name}");
        }
        assert!(path("folded/tree/new").is_file() && path("folded/tree/newer").is_file());
        assert!(path("folded/back/new").is_file() && !path("folded/back/old").exists());
    }
}
