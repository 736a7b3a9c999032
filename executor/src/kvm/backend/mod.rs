//! The backend of virtual machines: bases made bootable, machines booted once and restored from then on, their whole
//! state kept in the store.
//!
//! Knows nothing of plans and records: it is told what to do, as every backend. Images come from the overlay backend's
//! sources, which it has inside.
//!
//! | file | what it holds |
//! |---|---|
//! | [`kernel`] | which kernel guests boot, and where its modules are |
//! | [`kernel_packages`] | kernels of the store, out of a distribution's packages |
//! | [`image`] | a base image made a disk |
//! | [`host_ends`] | what is behind a machine's devices |
//! | [`network`] | what guests reach |
//! | [`kept`] | the directory of a kept machine |
//! | [`kept_disk`] | its disk, checked |
//! | [`running`] | a machine that may end at any moment |
//! | [`start`] | booting and restoring |
//! | [`machine`] | the engine's requests |
//! | [`choice`] | whether virtual machines are taken where the user leaves that open |
//! | [`lineage`] | whether a machine has heard a secret, and the key for what is kept of it then |
//! | [`last_words`] | the end of what a guest printed |
//!
//! In the store, `layers/ID` is a kept machine: memory and processors as `snapshot` writes them, `disk` with what was
//! written since the one before, `guest` with the rest. The first of each chain, `booted-…`, is a machine at the end of
//! its boot: whoever starts from the base goes on there.

mod choice;
mod host_ends;
mod image;
mod kept;
mod kept_disk;
mod kernel;
mod kernel_packages;
mod last_words;
mod lineage;
mod machine;
mod network;
mod running;
mod start;

pub use choice::{Choice, choose};
#[cfg(any(test, fuzzing))]
pub(super) use kept::read_any_guest;
pub use kernel::{Kernel, KernelChoice};
pub use kernel_packages::{keep_kernels, keep_newest_kernel, kernels_of};

use crate::agent::guest::Init;
use crate::agent::protocol::PROTOCOL_VERSION;
use crate::backend::{
    Backend, BackendError, BaseImage, Feature, ImageSource, Keeps, LayerId, Machine, MachineStart,
};
use crate::kvm::Snapshot;
use crate::kvm::guest::AgentProgram;
use crate::kvm::kept_kernels::{KeptKernels, UsingKernels};
use crate::kvm::process::Nursery;
use crate::overlay::failure::Doing;
use crate::overlay::{NetworkChoice, OverlayBackend, file_digest};
use crate::sealing::OwnerKey;
use crate::tracked::Repository;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

/// What plans may ask for and virtual machines can't do yet.
pub const LACKING: &[Feature] = &[Feature::HostBase];

/// Settings of the backend.
#[derive(Debug, Clone)]
pub struct KvmOptions {
    /// Program whose `main` begins with [`run_if_agent`](crate::agent::run_if_agent); it goes into the guest, or the smaller one
    /// that lies beside it.
    pub agent_program: PathBuf,
    /// Which kernel guests boot.
    pub kernel: KernelChoice,
    /// Who is process 1 of guests.
    pub init: Init,
    /// How many processors a machine has.
    pub processors: usize,
    /// How long a background command is watched for an early failure.
    pub background_grace: Duration,
    /// How long a guest may take until its agent answers.
    pub patience: Duration,
    /// What machines reach besides themselves.
    pub network: NetworkChoice,
    /// Encrypts what is kept of machines that heard a secret.
    pub owner_key: OwnerKey,
}

impl Default for KvmOptions {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            agent_program: PathBuf::from("/proc/self/exe"),
            kernel: KernelChoice::Newest,
            init: Init::Auto,
            processors: processors.min(crate::kvm::MAX_PROCESSORS),
            background_grace: Duration::from_secs(2),
            patience: Duration::from_mins(3),
            network: NetworkChoice::default(),
            owner_key: OwnerKey(None),
        }
    }
}

/// What machines are made with.
#[derive(Debug)]
struct Machines {
    agent: AgentProgram,
    /// Where their processes come from.
    nursery: Nursery,
}

/// Makes virtual machines.
#[derive(Debug)]
pub struct KvmBackend {
    overlay: OverlayBackend,
    repository: Arc<Repository>,
    options: KvmOptions,
    kernel: OnceLock<Kernel>,
    /// The store's kernels stay as long as machines may boot.
    _kernels: Option<UsingKernels>,
    /// One machine boots at a time: the next ones go on from where it came to.
    booting: Mutex<()>,
    /// Encrypted states that machines are made of, by name: deciphered once for all of them.
    deciphered: Mutex<HashMap<LayerId, Weak<Snapshot>>>,
    /// What becomes agents of guests and processes of machines, once there is to be one.
    machines: OnceLock<Machines>,
}

impl KvmBackend {
    /// A backend that has its images, and its place in the store, from another one over the same repository.
    pub fn new(overlay: OverlayBackend, repository: Arc<Repository>, options: KvmOptions) -> Self {
        let _kernels = KeptKernels::of(overlay.store_directory()).use_them();
        let (kernel, booting) = (OnceLock::new(), Mutex::new(()));
        let (deciphered, machines) = (Mutex::default(), OnceLock::new());
        Self { overlay, repository, options, kernel, _kernels, booting, deciphered, machines }
    }

    /// Where images, caches and layers of all kinds are.
    pub const fn overlay(&self) -> &OverlayBackend {
        &self.overlay
    }

    fn kernel(&self) -> Result<&Kernel, BackendError> {
        if let Some(kernel) = self.kernel.get() {
            return Ok(kernel);
        }
        let found = self.options.kernel.find(Some(&kernels_of(self.overlay.store_directory())))?;
        Ok(self.kernel.get_or_init(|| found))
    }

    fn machines(&self) -> Result<&Machines, BackendError> {
        if let Some(machines) = self.machines.get() {
            return Ok(machines);
        }
        let agent = AgentProgram::beside(&self.options.agent_program)
            .doing(|| "find the program that machines are made with".to_owned())?;
        let nursery = Nursery::new(agent.path());
        Ok(self.machines.get_or_init(|| Machines { agent, nursery }))
    }

    /// The base with a disk, whose identity is that of all that a guest boots.
    fn bootable(&self, base: BaseImage, disk: PathBuf) -> Result<BaseImage, BackendError> {
        let kernel = file_digest(&self.kernel()?.image, self.overlay.bases().directory())?;
        let mut hasher = blake3::Hasher::new_derive_key("layerc virtual machine");
        hasher.update(&base.identity).update(&kernel).update(&PROTOCOL_VERSION.to_le_bytes());
        hasher.update(self.options.init.name().as_bytes());
        let identity = *hasher.finalize().as_bytes();
        Ok(BaseImage { identity, directories: vec![disk], ..base })
    }
}

impl Backend for KvmBackend {
    fn keeps(&self) -> Keeps {
        Keeps::Machines
    }

    fn lacks(&self) -> &'static [Feature] {
        LACKING
    }

    fn prepare_base(
        &self,
        source: &ImageSource,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<BaseImage, BackendError> {
        // Before anything is downloaded for it.
        self.kernel()?;
        let base = self.overlay.prepare_base(source, progress)?;
        let disk = image::disk_of(&base, source, &self.overlay, progress)?;
        self.bootable(base, disk)
    }

    fn ready_base(&self, source: &ImageSource) -> Result<Option<BaseImage>, BackendError> {
        let Some(base) = self.overlay.ready_base(source)? else { return Ok(None) };
        match image::ready_disk(&base, self.overlay.bases()) {
            Some(disk) => self.bootable(base, disk).map(Some),
            None => Ok(None),
        }
    }

    fn start(&self, start: &MachineStart) -> Result<Box<dyn Machine>, BackendError> {
        self.machine(start)
    }

    fn remove_layer(&self, layer: &LayerId) -> Result<(), BackendError> {
        self.overlay.remove_layer(layer)
    }

    fn layers_in_use(&self) -> Vec<LayerId> {
        self.overlay.layers_in_use()
    }

    fn layer_directory(&self) -> &Path {
        self.overlay.layer_directory()
    }
}
