//! Reference material that lives beside the repository, not in it: recordings and public files to compare with.

use crate::project_files::root;
use std::path::PathBuf;

/// The folder called `shared` beside the repository (or beside the folder of a worktree); `None` if there is none.
pub fn folder() -> Option<PathBuf> {
    let root = root();
    let places = root.ancestors().skip(1).take(2).map(|place| place.join("shared"));
    places.into_iter().find(|folder| folder.join("corpus").is_dir())
}
