//! Repositories for one test: a temporary directory under git, and the edits that tests make in it.

use crate::layerc::Outcome;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository that is gone when this is dropped.
#[derive(Debug)]
pub struct Repository {
    directory: tempfile::TempDir,
}

impl Default for Repository {
    fn default() -> Self {
        Self::new()
    }
}

impl Repository {
    /// An empty repository with git initialised.
    ///
    /// # Panics
    /// When the temporary directory or git fails.
    pub fn new() -> Self {
        let repository = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// With these files: path and text.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repository = Self::new();
        for (path, text) in files {
            repository.write(path, text);
        }
        repository
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A path in it.
    pub fn join(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// Writes a file, making its directories.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write(&self, path: &str, text: &str) {
        let full = self.join(path);
        if let Some(parent) = full.parent() {
            std::fs::create_dir_all(parent).expect("directories can be made");
        }
        std::fs::write(&full, text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Sets a file's mode.
    ///
    /// # Panics
    /// When it isn't there.
    pub fn set_mode(&self, path: &str, mode: u32) {
        std::fs::set_permissions(self.join(path), std::fs::Permissions::from_mode(mode))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Makes a symbolic link.
    ///
    /// # Panics
    /// When the name is taken.
    pub fn link(&self, target: &str, path: &str) {
        let full = self.join(path);
        if let Some(parent) = full.parent() {
            std::fs::create_dir_all(parent).expect("directories can be made");
        }
        std::os::unix::fs::symlink(target, full).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Removes a file, link or directory.
    ///
    /// # Panics
    /// When it isn't there.
    pub fn remove(&self, path: &str) {
        let full = self.join(path);
        let is_directory = full.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        let removed =
            if is_directory { std::fs::remove_dir_all(&full) } else { std::fs::remove_file(&full) };
        removed.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Renames inside the repository.
    ///
    /// # Panics
    /// When the source isn't there.
    pub fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.join(from), self.join(to))
            .unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
    }

    /// Runs git in it.
    ///
    /// # Panics
    /// When git fails.
    pub fn git(&self, arguments: &[&str]) -> Outcome {
        let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        let mut command = Command::new("git");
        command.args(identity).args(arguments).current_dir(self.path());
        Outcome::of(&mut command).expect_success("git")
    }

    /// Commits everything in it.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }
}
