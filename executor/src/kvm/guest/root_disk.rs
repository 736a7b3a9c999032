//! Makes the disk that a machine starts from: an ext4 file system with the files of a directory.
//!
//! By `mke2fs`, which needs no privilege and no mount. Knows nothing of where the files come from.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The program.
const PROGRAM: &str = "mke2fs";

/// No journal: a machine that dies is never mounted again, it goes back to a snapshot. Inodes for small files; tables
/// that are zeros stay holes in the file.
const OPTIONS: [&str; 11] = [
    "-q",
    "-F",
    "-t",
    "ext4",
    "-O",
    "^has_journal",
    "-E",
    "root_owner=0:0,lazy_itable_init=1,nodiscard",
    "-m",
    "0",
    "-i",
];

/// Bytes for each inode.
const BYTES_FOR_AN_INODE: &str = "8192";

/// Why there is no disk.
#[derive(Debug, thiserror::Error)]
pub enum RootDiskError {
    /// The program is missing.
    #[error("there is no program `{PROGRAM}` here, which makes root disks (package e2fsprogs)")]
    NoProgram,
    /// It failed; the text is what it said.
    #[error("{PROGRAM} could not make the root disk: {0}")]
    Failed(String),
    /// The file can't be made.
    #[error("cannot write the root disk")]
    Disk(#[from] io::Error),
}

/// Makes `disk`, a new sparse file of `bytes`, out of what is in `directory`. Owners and modes are those of the files as
/// this process sees them. What fails leaves no file.
///
/// # Errors
/// When the program is missing, the files don't fit, or can't be read.
pub fn make_root_disk(directory: &Path, disk: &Path, bytes: u64) -> Result<(), RootDiskError> {
    File::create_new(disk)?.set_len(bytes)?;
    run(directory, disk).inspect_err(|_| {
        let _gone = fs::remove_file(disk);
    })
}

fn run(directory: &Path, disk: &Path) -> Result<(), RootDiskError> {
    let mut program = Command::new(PROGRAM);
    program.args(OPTIONS).arg(BYTES_FOR_AN_INODE).arg("-d").arg(directory).arg(disk);
    // Where packages put it; not everybody's path leads there.
    let path = std::env::var("PATH").unwrap_or_default();
    program.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C");
    let ended = program.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => RootDiskError::NoProgram,
        _ => error.into(),
    })?;
    if ended.status.success() {
        return Ok(());
    }
    Err(RootDiskError::Failed(String::from_utf8_lossy(&ended.stderr).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{RootDiskError, make_root_disk};
    use std::fs;
    use std::process::Command;

    #[test]
    fn a_directory_becomes_a_disk() {
        let place = tempfile::tempdir().unwrap();
        let (tree, disk) = (place.path().join("tree"), place.path().join("disk"));
        fs::create_dir_all(tree.join("etc")).unwrap();
        fs::write(tree.join("etc/name"), "from the tree\n").unwrap();
        std::os::unix::fs::symlink("etc/name", tree.join("link")).unwrap();
        match make_root_disk(&tree, &disk, 64 << 20) {
            Err(RootDiskError::NoProgram) => {
                println!("SKIPPED: mke2fs is not installed (package e2fsprogs)");
                return;
            }
            made => made.unwrap(),
        }
        let read = |request: &str| {
            let mut program = Command::new("/sbin/debugfs");
            let output = program.args(["-R", request]).arg(&disk).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(read("cat /etc/name"), "from the tree\n");
        assert!(read("stat /link").contains("Fast link dest: \"etc/name\""));
        assert_eq!(fs::metadata(&disk).unwrap().len(), 64 << 20);
    }

    #[test]
    fn files_that_do_not_fit_leave_no_disk() {
        let place = tempfile::tempdir().unwrap();
        let (tree, disk) = (place.path().join("tree"), place.path().join("disk"));
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("large"), vec![1; 4 << 20]).unwrap();
        let failed = make_root_disk(&tree, &disk, 1 << 20).unwrap_err();
        assert!(matches!(failed, RootDiskError::Failed(_) | RootDiskError::NoProgram), "{failed}");
        assert!(!disk.exists());
    }
}
