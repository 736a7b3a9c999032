//! Client names of documents to paths of this machine and back.
//!
//! Only `file:` names have a path. Anything else (`untitled:`, `git:`, `vscode-vfs:`) is a text without a place.

use ls_types::Uri;
use std::path::{Path, PathBuf};

/// The path of a `file:` name; `None` for other schemes.
pub fn path_of(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme().as_str().eq_ignore_ascii_case("file");
    is_file.then(|| uri.to_file_path().map(std::borrow::Cow::into_owned)).flatten()
}

/// The `file:` name of an absolute path.
pub fn of_path(path: &Path) -> Option<Uri> {
    Uri::from_file_path(path)
}
