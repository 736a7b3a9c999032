//! A store, a repository and a backend over both, opened together.

use crate::terminal;
use anyhow::{Context, Result};
use layerc_executor::overlay::{OverlayBackend, OverlayOptions};
use layerc_executor::store::stat_cache::StoredStatCache;
use layerc_executor::store::{Store, file_system};
use layerc_executor::tracked::{Repository, RepositoryOptions, StatCache};
use std::path::Path;
use std::sync::Arc;

/// See the module.
pub(crate) struct Opened {
    pub(crate) store: Arc<Store>,
    pub(crate) stat_cache: Arc<StoredStatCache>,
    pub(crate) repository: Arc<Repository>,
    pub(crate) backend: OverlayBackend,
}

impl Opened {
    /// Opens the store in `directory`, made if it isn't there, for the repository at `root`.
    pub(crate) fn new(directory: &Path, root: &Path, machines: OverlayOptions) -> Result<Self> {
        Self::with(Store::open(directory)?, root, machines)
    }

    /// The same to look into it, not to run anything.
    pub(crate) fn to_look(directory: &Path, root: &Path) -> Result<Self> {
        Self::over(Store::open_to_look(directory)?, root)
    }

    /// The same over a store that is open.
    pub(crate) fn over(store: Store, root: &Path) -> Result<Self> {
        Self::with(store, root, OverlayOptions::default())
    }

    fn with(store: Store, root: &Path, machines: OverlayOptions) -> Result<Self> {
        let store = Arc::new(store);
        if let Some(warning) = file_system::unsuitable(store.directory()) {
            terminal::warn(&warning);
        }
        let stat_cache = Arc::new(StoredStatCache::new(Arc::clone(&store), root));
        let known: Arc<dyn StatCache> = Arc::clone(&stat_cache) as Arc<dyn StatCache>;
        let options = RepositoryOptions { stat_cache: Some(known), ..RepositoryOptions::default() };
        let repository = Repository::open(root, options)
            .with_context(|| format!("cannot open the repository `{}`", root.display()))?;
        let repository = Arc::new(repository);
        // Steps see the repository through COPY alone, wherever on this machine it lies.
        let options = OverlayOptions { hidden: vec![root.to_owned()], ..machines };
        let backend = OverlayBackend::new(store.directory(), Arc::clone(&repository), options)?;
        Ok(Self { store, stat_cache, repository, backend })
    }
}
