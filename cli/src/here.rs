//! Where a command without a plan stands: the repository around the current directory, what that configures, and the store
//! that `layerc run` would use in it.

use crate::configuration::Configuration;
use crate::repository::Repository;
use crate::store_directory::store_directory;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Debug)]
pub(crate) struct Here {
    /// The root of the repository.
    pub(crate) root: PathBuf,
    /// Its `layerc.toml`.
    pub(crate) configuration: Configuration,
    /// The store's directory, which need not be there.
    pub(crate) store: PathBuf,
}

impl Here {
    /// Looks around. `given` is what `--store` says.
    pub(crate) fn with_store(given: Option<&Path>) -> Result<Self> {
        let root = Repository::root_of(Path::new("."))?;
        let configuration = Configuration::read(&root)?;
        let store = store_directory(given, configuration.run.store.as_deref())?;
        Ok(Self { root, configuration, store })
    }
}
