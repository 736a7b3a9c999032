//! Several directories of an overlay made one: what the kernel would show of them, by hard links.
//!
//! The directories stay as they are; nobody writes to their files, so sharing them is safe.

use super::layers::copy_attributes;
use super::live_copy::is_opaque;
use rustix::fs::FileType;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Makes `target` what is seen of these directories, bottom first.
pub(crate) fn merge(stack: &[PathBuf], target: &Path) -> io::Result<()> {
    fs::create_dir(target)?;
    for directory in stack {
        lay(directory, target)?;
    }
    Ok(())
}

/// What the files below a directory take on disk; what can't be looked at counts nothing.
pub(crate) fn disk_bytes(directory: &Path) -> u64 {
    let mut total = 0;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        total += metadata.blocks() * 512;
        if metadata.is_dir() {
            total += disk_bytes(&entry.path());
        }
    }
    total
}

/// Lays a directory over another.
fn lay(source: &Path, target: &Path) -> io::Result<()> {
    set_attributes(&fs::symlink_metadata(source)?, target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (path, place) = (entry.path(), target.join(entry.file_name()));
        let metadata = entry.metadata()?;
        if is_whiteout(&metadata) {
            remove(&place)?;
        } else if metadata.is_dir() {
            if is_opaque(&path) || !fs::symlink_metadata(&place).is_ok_and(|found| found.is_dir()) {
                remove(&place)?;
                fs::create_dir(&place)?;
            }
            lay(&path, &place)?;
        } else {
            remove(&place)?;
            link(&path, &place, &metadata)?;
        }
    }
    Ok(())
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
    use rustix::fs::{CWD, Mode};

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
        merge(&[low.clone(), high], &target).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["both", "changed", "kept", "now-a-directory"]);
        assert_eq!(fs::read_to_string(target.join("changed")).unwrap(), "2");
        assert!(target.join("both/old").is_file() && target.join("both/new").is_file());
        assert_eq!(
            fs::metadata(target.join("kept")).unwrap().ino(),
            fs::metadata(low.join("kept")).unwrap().ino()
        );
    }
}
