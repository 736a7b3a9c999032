//! A store, a repository and a backend over both, opened together.

use super::executor::Chosen;
use crate::terminal;
use anyhow::{Context, Result};
use layerc_executor::backend::{Backend, ExecutorKind};
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
    pub(crate) machines: Machines,
}

/// What makes machines.
pub(crate) enum Machines {
    /// Of namespaces.
    Overlay(Box<OverlayBackend>),
    /// Virtual ones.
    #[cfg(target_arch = "x86_64")]
    Kvm(Box<layerc_executor::kvm::backend::KvmBackend>),
}

impl Machines {
    /// As runs know it.
    pub(crate) fn backend(&self) -> &dyn Backend {
        match self {
            Self::Overlay(backend) => backend.as_ref(),
            #[cfg(target_arch = "x86_64")]
            Self::Kvm(backend) => backend.as_ref(),
        }
    }

    /// What has the images and the caches.
    pub(crate) fn overlay(&self) -> &OverlayBackend {
        match self {
            Self::Overlay(backend) => backend,
            #[cfg(target_arch = "x86_64")]
            Self::Kvm(backend) => backend.overlay(),
        }
    }
}

impl Opened {
    /// Opens the store in `directory`, made if it isn't there, for the repository at `root`.
    pub(crate) fn new(
        directory: &Path,
        root: &Path,
        machines: OverlayOptions,
        chosen: &Chosen,
    ) -> Result<Self> {
        Self::with(Store::open(directory)?, root, machines, chosen)
    }

    /// The same to look into it, not to run anything.
    pub(crate) fn to_look(directory: &Path, root: &Path, chosen: &Chosen) -> Result<Self> {
        Self::over(Store::open_to_look(directory)?, root, chosen)
    }

    /// The same over a store that is open.
    pub(crate) fn over(store: Store, root: &Path, chosen: &Chosen) -> Result<Self> {
        Self::with(store, root, OverlayOptions::default(), chosen)
    }

    fn with(store: Store, root: &Path, machines: OverlayOptions, chosen: &Chosen) -> Result<Self> {
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
        let network = options.network;
        let overlay = OverlayBackend::new(store.directory(), Arc::clone(&repository), options)?;
        let machines = match chosen.kind {
            ExecutorKind::Overlay => Machines::Overlay(Box::new(overlay)),
            ExecutorKind::Kvm => virtual_machines(overlay, &repository, network, chosen)?,
        };
        Ok(Self { store, stat_cache, repository, machines })
    }
}

#[cfg(target_arch = "x86_64")]
fn virtual_machines(
    overlay: OverlayBackend,
    repository: &Arc<Repository>,
    network: layerc_executor::overlay::NetworkChoice,
    chosen: &Chosen,
) -> Result<Machines> {
    use layerc_executor::kvm::backend::{KvmBackend, KvmOptions};
    use layerc_executor::sealing::OwnerKey;
    let kernel = super::executor::kernel_choice(chosen.kernel.as_deref());
    let init = chosen.init;
    let owner_key = OwnerKey(chosen.store_key.clone());
    let options = KvmOptions { kernel, network, init, owner_key, ..KvmOptions::default() };
    Ok(Machines::Kvm(Box::new(KvmBackend::new(overlay, Arc::clone(repository), options))))
}

#[cfg(not(target_arch = "x86_64"))]
fn virtual_machines(
    _overlay: OverlayBackend,
    _repository: &Arc<Repository>,
    _network: layerc_executor::overlay::NetworkChoice,
    _chosen: &Chosen,
) -> Result<Machines> {
    let text = "virtual machines are made on x86-64 only: run with `--executor overlay`";
    Err(crate::exit::WrongUsage(text.to_owned()).into())
}
