//! What the processes of a machine have open, as proc(5) shows it.
//!
//! Knows no reasons to ask. Processes come and go meanwhile: what can't be looked at any more is left out.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A file that a process has open.
#[derive(Debug)]
pub(super) struct OpenFile {
    /// The directory of the process.
    pub(super) process: PathBuf,
    /// The number under which it has the file.
    pub(super) descriptor: OsString,
}

impl OpenFile {
    /// A link to the file, which opens it even where it has no name any more.
    pub(super) fn link(&self) -> PathBuf {
        self.process.join("fd").join(&self.descriptor)
    }
}

/// All of them. `processes` is where a file system of processes is mounted.
pub(super) fn open_files(processes: &Path) -> impl Iterator<Item = OpenFile> {
    let entries = fs::read_dir(processes).into_iter().flatten().flatten();
    // Links to whoever looks are there too, under other names.
    let is_number =
        |entry: &fs::DirEntry| entry.file_name().as_bytes().first().is_some_and(u8::is_ascii_digit);
    entries.filter(is_number).map(|entry| entry.path()).flat_map(|process| {
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.map(move |entry| OpenFile { process: process.clone(), descriptor: entry.file_name() })
    })
}
