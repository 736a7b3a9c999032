//! Has files on disk before somebody relies on them.
//!
//! Everything that the store names is made durable first (ARCHITECTURE.md, power cuts). Knows files only.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Up to this many files of a directory are synced one by one; beyond it the whole file system is, which is then faster
/// but also waits for what others wrote.
const MOST_SINGLE_SYNCS: usize = 64;

/// Has everything of a directory, and its name, on disk when it returns. One that is not there is durably so.
///
/// # Errors
/// When the disk does not take it.
pub(crate) fn make_durable(directory: &Path) -> io::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    let mut files = Vec::new();
    if gather(directory, &mut files) {
        match files.iter().try_for_each(|path| sync(path)) {
            // A machine's users may have files that this user can't open.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
            Ok(()) => return directory.parent().map_or(Ok(()), sync),
        }
    }
    Ok(rustix::fs::syncfs(&File::open(directory)?)?)
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Collects the regular files and directories of a tree; false when there are too many, or one can't be opened.
fn gather(directory: &Path, files: &mut Vec<PathBuf>) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    for entry in entries {
        let Ok(entry) = entry else { return false };
        let Ok(kind) = entry.file_type() else { return false };
        let complete = if kind.is_dir() {
            gather(&entry.path(), files)
        } else {
            if kind.is_file() {
                files.push(entry.path());
            }
            true
        };
        if !complete || files.len() > MOST_SINGLE_SYNCS {
            return false;
        }
    }
    files.push(directory.to_owned());
    true
}
