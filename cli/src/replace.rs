//! Replacing a file: the new text is there completely or the old one still is.

use anyhow::{Context, Result};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Puts `text` into the file at `path`, which keeps its permissions if it exists.
pub(crate) fn replace_file(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    let temporary = path.with_file_name(temporary_name(path));
    let written =
        write_new(&temporary, path, text.as_ref()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _may_not_exist = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

/// A name beside the file that nobody else uses: hidden, with the number of this process.
fn temporary_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.layerc-{}", std::process::id())
}

fn write_new(temporary: &Path, original: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
    file.write_all(bytes)?;
    if let Ok(metadata) = fs::metadata(original) {
        file.set_permissions(metadata.permissions())?;
    }
    file.sync_all()
}
