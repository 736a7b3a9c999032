//! The backend itself: images made ready, machines started.

use super::control_groups::{ControlGroups, Limit};
use super::failure::{Doing, unexpected};
use super::host::{Composition, HostBase};
use super::host_part::HostPart;
use super::identities::Identities;
use super::image_layers::AgentUnpacker;
use super::kept_bases::KeptBases;
use super::machine::{OverlayMachine, Parts};
use super::network::NetworkChoice;
use super::removal::{Removal, Remover};
use super::resync::resync;
use super::start::{BegunAgent, have_done};
use super::store_layout::{RunDirectory, StoreLayout};
use super::{debootstrap, rootfs};
use crate::agent::protocol::{
    DiskLimits, MachineSetup, Network, PartSetup, Reply, Task, TrackedFiles,
};
use crate::backend::{
    Backend, BackendError, BaseImage, BaseTree, ImageSource, Layer, LayerId, Machine, MachineStart,
    Resync,
};
use crate::caches::Caches;
use crate::images::{Images, Pull, Trust, Using};
use crate::kvm::guest::DiskOrder;
use crate::read_set::TrackedPath;
use crate::tracked::Repository;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// Longest host name that Linux takes.
const HOST_NAME_LIMIT_BYTES: usize = 63;

/// Far above what builds start, far below what makes a host stop answering (`kernel.pid_max` is at least 32,768).
const PROCESSES_LIMIT: u32 = 16_384;

/// Settings of the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayOptions {
    /// Program whose `main` begins with [`run_if_agent`](crate::agent::run_if_agent).
    pub agent_program: PathBuf,
    /// How long a background command is watched for an early failure.
    pub background_grace: Duration,
    /// Most processes and threads of a machine at once, where this user may limit them.
    pub processes_limit: u32,
    /// Most bytes that a step may write to disk. Without one it is ended only when hardly anything is left.
    pub disk_limit_bytes: Option<u64>,
    /// Directories of the host that steps on the `host` base must not see, wherever they are: the checkout, for one.
    /// The store is hidden without being named.
    pub hidden: Vec<PathBuf>,
    /// Whether images are looked for in their registries.
    pub pull: Pull,
    /// Which registries are trusted besides those that the system trusts.
    pub trust: Trust,
    /// What machines reach besides themselves.
    pub network: NetworkChoice,
}

impl Default for OverlayOptions {
    fn default() -> Self {
        Self {
            agent_program: PathBuf::from("/proc/self/exe"),
            background_grace: Duration::from_secs(2),
            processes_limit: PROCESSES_LIMIT,
            disk_limit_bytes: None,
            hidden: Vec::new(),
            pull: Pull::default(),
            trust: Trust::default(),
            network: NetworkChoice::default(),
        }
    }
}

/// Makes machines from namespaces and OverlayFS.
#[derive(Debug)]
pub struct OverlayBackend {
    layout: Arc<StoreLayout>,
    repository: Arc<Repository>,
    options: OverlayOptions,
    removal: Removal,
    /// Before the remover: whoever may still hand something to it goes first.
    caches: Caches,
    remover: Remover,
    host: HostBase,
    bases: KeptBases,
    images: Images,
    /// Keeps images that machines stand on from being removed by another process.
    using_images: OnceLock<Using>,
}

impl OverlayBackend {
    /// The groups that limit a machine, and why what was asked for is not limited.
    fn control_groups(
        &self,
        start: &MachineStart,
        run_directory: &Path,
    ) -> (ControlGroups, Option<String>) {
        let name = run_directory.file_name().unwrap_or_default().to_string_lossy();
        let mut groups = ControlGroups::default();
        // Nobody asked for this one: where it can't be set, the host's own limits hold.
        let _ = groups.limit(&name, Limit::Processes(self.options.processes_limit));
        let refused =
            start.memory_bytes.and_then(|limit| groups.limit(&name, Limit::Memory(limit)).err());
        (groups, refused)
    }

    /// A backend that keeps its directories in `store_directory` and shows files of `repository`.
    ///
    /// # Errors
    /// When the store's directories can't be made.
    pub fn new(
        store_directory: &Path,
        repository: Arc<Repository>,
        options: OverlayOptions,
    ) -> Result<Self, BackendError> {
        let layout = Arc::new(StoreLayout::open(store_directory)?);
        let mut hidden = options.hidden.clone();
        hidden.push(layout.root.clone());
        let host = HostBase::new(layout.bases.clone(), hidden);
        let removal = Removal {
            agent_program: options.agent_program.clone(),
            identities: Identities::of_this_process(),
        };
        let remover = Remover::new(removal.clone());
        for abandoned in layout.abandoned_runs() {
            remover.queue().remove(abandoned);
        }
        let queue = remover.queue();
        let discard = Arc::new(move |directory| queue.remove(directory));
        let caches = Caches::new(&layout.root, discard).doing(|| "open the caches".to_owned())?;
        caches.sweep();
        let unpacker = Arc::new(AgentUnpacker { removal: removal.clone() });
        let images = Images::open(&layout.root, unpacker, options.trust.clone())?;
        let using_images = OnceLock::new();
        let bases = KeptBases::of(layout.bases.clone());
        Ok(Self {
            bases,
            layout,
            repository,
            options,
            removal,
            caches,
            remover,
            host,
            images,
            using_images,
        })
    }

    /// The store's directory.
    pub(crate) fn store_directory(&self) -> &Path {
        &self.layout.root
    }

    /// The bases that were unpacked or installed.
    pub const fn bases(&self) -> &KeptBases {
        &self.bases
    }

    /// The images of the store.
    pub const fn images(&self) -> &Images {
        &self.images
    }

    /// The directories that CACHE keeps.
    pub const fn caches(&self) -> &Caches {
        &self.caches
    }

    /// Has the disk of a virtual machine made by an agent that sees the owners of files as machines do.
    pub(crate) fn make_disk(&self, order: DiskOrder) -> Result<(), BackendError> {
        let Removal { agent_program, identities } = &self.removal;
        match have_done(Task::MakeDisk { order }, agent_program, identities)? {
            Reply::Done => Ok(()),
            Reply::Refused(text) => Err(BackendError::Unavailable(text)),
            other => Err(unexpected(other)),
        }
    }

    /// A directory for a machine of whatever kind: locked as long as it lives, gone with it. The layers that it needs
    /// are written down.
    pub(crate) fn machine_directory(&self, layers: &[Layer]) -> Result<RunDirectory, BackendError> {
        let run = self.layout.new_run(self.remover.queue())?;
        run.needs(layers, &self.layout.root)?;
        Ok(run)
    }

    fn use_images(&self) -> Result<(), BackendError> {
        if self.using_images.get().is_none() {
            let _already_held = self.using_images.set(self.images.hold()?);
        }
        Ok(())
    }

    fn setup(
        &self,
        start: &MachineStart,
        run_directory: &Path,
        network: Network,
    ) -> Result<MachineSetup, BackendError> {
        let (base, parts) = if HostBase::is_host(&start.base) {
            let composed = self.host.compose()?;
            (vec![composed.skeleton.clone()], part_setups(&composed)?)
        } else {
            (start.base.directories.clone(), Vec::new())
        };
        Ok(MachineSetup {
            hostname: host_name(&start.name),
            store_directory: text(&self.layout.root)?,
            run_directory: text(run_directory)?,
            base: base.iter().map(|path| text(path)).collect::<Result<_, _>>()?,
            parts,
            tracked: tracked_files(),
            network,
            disk: DiskLimits { most_bytes: self.options.disk_limit_bytes },
        })
    }
}

impl Backend for OverlayBackend {
    fn prepare_base(
        &self,
        source: &ImageSource,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<BaseImage, BackendError> {
        match source {
            ImageSource::Host => {
                let mut base = self.host.prepare()?;
                base.notes.extend(self.removal.identities.note());
                Ok(base)
            }
            ImageSource::RootFileSystem(path) => rootfs::prepare(path, &self.bases, progress),
            ImageSource::Debootstrap { suite, mirror } => {
                debootstrap::prepare(suite, mirror.as_deref(), &self.bases, progress)
            }
            ImageSource::Registry(reference) => {
                self.use_images()?;
                Ok(self.images.base(reference, self.options.pull, progress)?)
            }
            ImageSource::ImageFile { path, image } => {
                self.use_images()?;
                Ok(self.images.base_from_file(path, image.as_deref(), progress)?)
            }
        }
    }

    fn ready_base(&self, source: &ImageSource) -> Result<Option<BaseImage>, BackendError> {
        let is_ready = match source {
            ImageSource::Registry(reference) => return Ok(self.images.ready(reference)?),
            ImageSource::ImageFile { path, image } => {
                return Ok(self.images.ready_file(path, image.as_deref())?);
            }
            ImageSource::Host => true,
            ImageSource::RootFileSystem(path) => rootfs::is_ready(path, &self.layout.bases),
            ImageSource::Debootstrap { suite, mirror } => {
                debootstrap::is_ready(suite, mirror.as_deref(), &self.layout.bases)
            }
        };
        is_ready.then(|| self.prepare_base(source, &|_| {})).transpose()
    }

    fn start(&self, start: &MachineStart) -> Result<Box<dyn Machine>, BackendError> {
        let run = self.machine_directory(&start.layers)?;
        let (network, note) = self.options.network.resolve().map_err(BackendError::Unavailable)?;
        let (groups, refused) = self.control_groups(start, &run.path);
        let program = &self.options.agent_program;
        // Both take milliseconds of waiting: one for the kernel to move a process between control groups.
        let (begun, setup) = thread::scope(|scope| {
            let begun = scope.spawn(|| BegunAgent::of(program, &run.path, groups));
            let setup = self.setup(start, &run.path, network);
            (begun.join().map_err(|_| agent_lost()), setup)
        });
        let mut agent = begun??.set_up_or_stop(setup, &self.removal.identities)?;
        agent.notes.extend(refused.into_iter().chain(note));
        let parts = Parts {
            agent,
            layout: Arc::clone(&self.layout),
            run,
            repository: Arc::clone(&self.repository),
            grace: self.options.background_grace,
            caches: self.caches.clone(),
        };
        Ok(Box::new(OverlayMachine::new(parts, &start.layers)?))
    }

    fn remove_layer(&self, layer: &LayerId) -> Result<(), BackendError> {
        self.removal.remove_tree(&self.layout.layer(layer))
    }

    fn resync(&self, layers: &[Layer], since_nanoseconds: i64, had: &[TrackedPath]) -> Resync {
        resync(&self.layout, &self.repository, layers, since_nanoseconds, had)
    }

    fn layers_in_use(&self) -> Vec<LayerId> {
        self.layout.layers_in_use()
    }

    fn trees(&self, base: &BaseImage) -> Result<Vec<BaseTree>, BackendError> {
        if HostBase::is_host(base) {
            return Ok(self.host.compose()?.trees());
        }
        Ok(base.trees())
    }

    fn layer_directory(&self) -> &Path {
        &self.layout.layers
    }
}

fn agent_lost() -> BackendError {
    BackendError::Stopped("the thread that started it panicked".to_owned())
}

/// Only the machine's administrator may hand files over to the kernel: to others a second mount would be of no use.
fn tracked_files() -> TrackedFiles {
    if rustix::process::geteuid().is_root() {
        TrackedFiles::MountedTwice
    } else {
        TrackedFiles::Mounted
    }
}

fn part_setups(composed: &Composition) -> Result<Vec<PartSetup>, BackendError> {
    let setup = |part: &HostPart| {
        let mut sources = vec![text(&part.source)?];
        if let Some(mirror) = &composed.mirror {
            sources.push(text(&mirror.join(&part.path))?);
        }
        Ok(PartSetup { path: text(&part.path)?, sources })
    };
    composed.parts.iter().map(setup).collect()
}

fn text(path: &Path) -> Result<String, BackendError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        BackendError::Unavailable(format!("the path `{}` is not UTF-8", path.display()))
    })
}

/// The runner's name with the characters that host names have.
pub(crate) fn host_name(name: &str) -> String {
    let allowed = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    let name: String = name.chars().map(allowed).take(HOST_NAME_LIMIT_BYTES).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "machine".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runner_names_become_host_names() {
        assert_eq!(host_name("Tests-Cypress-2"), "Tests-Cypress-2");
        assert_eq!(host_name("a_b/ü"), "a-b");
        assert_eq!(host_name("///"), "machine");
        assert_eq!(host_name(&"x".repeat(200)).len(), HOST_NAME_LIMIT_BYTES);
    }
}
