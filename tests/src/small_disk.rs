//! A file system with little room, for tests of what happens when it is full.

use crate::ordinary_user::is_root;
use crate::skip::skipped;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Mounted until it is dropped.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// One of this size, as mount takes it; where only its lack can be said, says so for the test of this name.
    ///
    /// # Panics
    /// When root can't mount it.
    pub fn of(size: &str, test: &str) -> Option<Self> {
        if !is_root() {
            skipped(test, "a small file system can only be mounted by root");
            return None;
        }
        let place = tempfile::tempdir().expect("a temporary directory");
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(place.path());
        assert!(mount.status().expect("mount").success());
        Some(Self(place))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _status = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
