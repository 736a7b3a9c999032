//! Where results are kept.

use crate::exit::WrongUsage;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The store's directory: `--store`, else `[run] store`, else the user's cache directory.
pub(crate) fn store_directory(given: Option<&Path>, configured: Option<&Path>) -> Result<PathBuf> {
    if let Some(directory) = given.or(configured) {
        return Ok(directory.to_owned());
    }
    let from = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let cache = from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")));
    let cache = cache.ok_or_else(|| {
        WrongUsage(
            "there is no place for the store: set HOME or XDG_CACHE_HOME, or give `--store DIRECTORY`".to_owned(),
        )
    })?;
    Ok(cache.join("layerc"))
}
