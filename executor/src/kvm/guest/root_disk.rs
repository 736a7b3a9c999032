//! Makes the disk that a machine starts from: an ext4 file system with the files of directories.
//!
//! By `mke2fs`, which needs no privilege and no mount. Runs in an agent, which sees the owners that machines see. Knows
//! nothing of where the files come from.

use crate::agent::{Below, merge, remove_own_tree};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program.
const PROGRAM: &str = "mke2fs";

/// Where packages put programs; not everybody's path leads there.
const PLACES: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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

/// A disk to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskOrder {
    /// Directories that make up an image, bottom first, on the file system of the disk. Nobody changes them.
    pub layers: Vec<PathBuf>,
    /// A new file. A directory beside it is needed for a while if there are several layers.
    pub disk: PathBuf,
    /// Its length.
    pub bytes: u64,
}

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

/// Does what the order says. What fails leaves no file.
///
/// # Errors
/// As [`make_root_disk`], and when the layers can't be made one.
pub fn make_disk_of_layers(order: &DiskOrder) -> Result<(), RootDiskError> {
    if let [tree] = order.layers.as_slice() {
        return make_root_disk(tree, &order.disk, order.bytes);
    }
    let tree = order.disk.with_extension("tree");
    let made = merge(&order.layers, Below::Nothing, &tree)
        .map_err(RootDiskError::from)
        .and_then(|()| make_root_disk(&tree, &order.disk, order.bytes));
    // Links to files that stay; what can't be removed goes with the directory it is in.
    let _gone = remove_own_tree(&tree);
    made
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
    // An agent has no variables.
    let path = std::env::var("PATH").unwrap_or_default();
    program.env("PATH", format!("{path}:{PLACES}")).env("LC_ALL", "C");
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
    use super::{DiskOrder, RootDiskError, make_disk_of_layers, make_root_disk};
    use std::fs;
    use std::path::Path;
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
        let read = |request: &str| debugfs(&disk, request);
        assert_eq!(read("cat /etc/name"), "from the tree\n");
        assert!(read("stat /link").contains("Fast link dest: \"etc/name\""));
        assert_eq!(fs::metadata(&disk).unwrap().len(), 64 << 20);
    }

    #[test]
    fn layers_become_a_disk_that_shows_what_the_uppermost_have() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for (name, text) in
            [("low/kept", "low"), ("low/etc/name", "low"), ("high/etc/name", "high")]
        {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), text).unwrap();
        }
        let layers = vec![path("low"), path("high")];
        let order = DiskOrder { layers, disk: path("disk"), bytes: 64 << 20 };
        match make_disk_of_layers(&order) {
            Err(RootDiskError::NoProgram) => {
                println!("SKIPPED: mke2fs is not installed (package e2fsprogs)");
                return;
            }
            made => made.unwrap(),
        }
        let read = |name: &str| debugfs(&order.disk, &format!("cat {name}"));
        assert_eq!((read("/kept"), read("/etc/name")), ("low".to_owned(), "high".to_owned()));
        assert!(!path("tree").exists() && !path("disk.tree").exists());
    }

    fn debugfs(disk: &Path, request: &str) -> String {
        let output = Command::new("/sbin/debugfs").args(["-R", request]).arg(disk).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
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
