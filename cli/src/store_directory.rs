//! Where results are kept, and the key for those that are encrypted.

use crate::exit::WrongUsage;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The store's directory: `--store`, else `[run] store`, else the user's cache directory.
pub(crate) fn store_directory(given: Option<&Path>, configured: Option<&Path>) -> Result<PathBuf> {
    if let Some(directory) = given.or(configured) {
        return Ok(directory.to_owned());
    }
    let cache = user_directory("XDG_CACHE_HOME", ".cache");
    let cache = cache.ok_or_else(|| {
        WrongUsage(
            "there is no place for the store: set HOME or XDG_CACHE_HOME, or give `--store DIRECTORY`".to_owned(),
        )
    })?;
    Ok(cache.join("layerc"))
}

/// Names the file with the key of the store's owner before the configuration does.
const KEY_VARIABLE: &str = "LAYERC_STORE_KEY";

/// That file: `LAYERC_STORE_KEY`, else `[run] store_key`, else in the user's directory of settings, away from every store.
/// `None` without a place.
pub(crate) fn store_key(configured: Option<&Path>) -> Option<PathBuf> {
    let named = std::env::var_os(KEY_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| configured.map(Path::to_owned)).or_else(|| {
        let settings = user_directory("XDG_CONFIG_HOME", ".config")?;
        Some(settings.join("layerc/store.key"))
    })
}

/// A directory of the user that this variable names, or one below his home.
fn user_directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let from = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    };
    from(variable).or_else(|| from("HOME").map(|home| home.join(below_home)))
}
