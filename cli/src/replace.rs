//! Replacing a file: the new text is there completely or the old one still is, whoever looks and whenever.
//!
//! Not synced to disk: on a busy disk that takes seconds, and what is written here is in version control or can be
//! made again.

use anyhow::{Context, Result};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Puts `text` into the file at `path`, which keeps its permissions if it exists. A link stays one: what it leads to is
/// replaced. Devices and pipes are written to.
pub(crate) fn replace_file(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let written = match fs::metadata(&target) {
        Ok(metadata) if !metadata.is_file() => {
            OpenOptions::new().write(true).open(&target).and_then(|mut file| {
                file.write_all(text.as_ref())?;
                file.flush()
            })
        }
        _ => replace_regular(&target, text.as_ref()),
    };
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

fn replace_regular(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = temporary_path(target);
    let written =
        write_new(&temporary, target, bytes).and_then(|()| fs::rename(&temporary, target));
    if written.is_err() {
        let _may_not_exist = fs::remove_file(&temporary);
    }
    written
}

/// A name beside the file that nobody else uses: hidden, with the number of this process.
fn temporary_path(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.layerc-{}", std::process::id()))
}

fn write_new(temporary: &Path, original: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
    file.write_all(bytes)?;
    if let Ok(metadata) = fs::metadata(original) {
        file.set_permissions(metadata.permissions())?;
    }
    file.flush()
}
