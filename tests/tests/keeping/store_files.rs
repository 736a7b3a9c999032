//! What lies in a store's directories.

use std::path::{Path, PathBuf};

/// Whether a file below `directory` holds these bytes.
pub(crate) fn holds(directory: &Path, needle: &[u8]) -> bool {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    entries.into_iter().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => holds(&entry.path(), needle),
        Ok(kind) if kind.is_file() => std::fs::read(entry.path())
            .is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle)),
        _ => false,
    })
}

/// The frozen layers of a store.
pub(crate) fn layer_directories(store: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(store.join("layers")).expect("layers").flatten();
    entries.map(|entry| entry.path()).collect()
}
