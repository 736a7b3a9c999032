//! The real editors that the tests drive: where `tests/editors/install` put them, and how to start them.
//!
//! They are Debian's and the package registries' programs, unpacked under `target/editors`; nothing here knows what a
//! test expects of them.

use crate::project_files::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `tests/editors/install` unpacks: `LAYERC_EDITORS`, or `editors` in the target directory.
pub fn folder() -> PathBuf {
    let target = || {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        root().join(target.unwrap_or_else(|| PathBuf::from("target"))).join("editors")
    };
    std::env::var_os("LAYERC_EDITORS").map_or_else(target, PathBuf::from)
}

/// A program that the install script put there, started through its wrapper in `bin/`; the reason if it isn't there.
///
/// # Errors
/// With the words for a `SKIPPED:` line.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let path = folder().join("bin").join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{name} is not installed; `tests/editors/install` says why"))
    }
}

/// A command with a home directory of its own, so that nothing of the user's configuration takes part.
pub fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_STATE_HOME", home.join("state"));
    command
}
