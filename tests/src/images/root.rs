//! A root file system of two static programs: busybox and bash.

use crate::ordinary_user::on_path;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where Debian's packages `busybox-static` and `bash-static` put their programs.
const PROGRAMS: [(&str, &str); 2] =
    [("/bin/bash-static", "bin/bash"), ("/bin/busybox", "bin/busybox")];

/// What busybox is called in there.
const NAMES: [&str; 17] = [
    "cat", "chmod", "env", "find", "id", "ls", "mkdir", "nc", "ping", "readlink", "rm", "sh",
    "sort", "stat", "test", "touch", "wget",
];

/// Why tests with images can't be done here; `None` if they can.
pub fn obstacle() -> Option<String> {
    let missing = PROGRAMS.iter().find(|(program, _)| !Path::new(program).is_file());
    if let Some((program, _)) = missing {
        return Some(format!("{program} is missing (packages bash-static and busybox-static)"));
    }
    let tools = ["tar", "gzip", "zstd"];
    let missing = tools.iter().find(|program| !on_path(program));
    missing.map(|program| format!("{program} is not installed"))
}

/// A directory that becomes a layer.
#[derive(Debug)]
pub struct Tree {
    directory: tempfile::TempDir,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// An empty one.
    ///
    /// # Panics
    /// When there is no room for temporary directories.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        Self { directory }
    }

    /// One with everything that steps need.
    ///
    /// # Panics
    /// When the programs are missing.
    pub fn with_programs() -> Self {
        let tree = Self::new();
        for directory in ["bin", "etc", "root", "tmp", "usr", "var"] {
            fs::create_dir(tree.path(directory)).expect("a directory");
        }
        tree.set_mode("tmp", 0o1777);
        for (program, name) in PROGRAMS {
            fs::copy(program, tree.path(name)).unwrap_or_else(|error| panic!("{program}: {error}"));
        }
        for name in NAMES {
            symlink("busybox", tree.path("bin").join(name)).expect("a link");
        }
        tree.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nservice:x:33:33::/:/bin/sh\n");
        tree.write("etc/group", "root:x:0:\nservice:x:33:\n");
        tree
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file, making its directories.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("its directories");
        fs::write(path, text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Sets a mode.
    ///
    /// # Panics
    /// When it isn't there.
    pub fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
