//! Booting and restoring: from what is in the store to a machine whose agent answers.

use super::KvmBackend;
use super::host_ends::{Behind, HostEnds};
use super::kept::{KeptGuest, of_machine, set_aside};
use super::last_words::LastWords;
use super::machine::{KvmMachine, Parts};
use super::running::Running;
use crate::agent::protocol::{GuestSetup, TrackedFiles};
use crate::backend::{Backend, BackendError, Layer, LayerId, Machine, MachineStart};
use crate::kvm::devices::disk::Delta;
use crate::kvm::guest::{Beginning, GuestParts, GuestSteps, KERNEL_PARAMETERS};
use crate::kvm::process::{MachineProcess, Starting};
use crate::kvm::{BootFiles, MachineError, MemorySize, Secrecy, Shape, Snapshot};
use crate::overlay::failure::Doing;
use crate::overlay::{ControlGroups, Limit, RunDirectory, host_name};
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, PoisonError, Weak};

/// Memory of a machine that nobody asked any for.
const MEMORY_BYTES: u64 = 1 << 30;

/// Least memory of a machine: with less no distribution's kernel comes to its first program.
const LEAST_MEMORY_BYTES: u64 = 192 << 20;

/// What a machine's process may have besides the guest's memory: page tables, files of the host that it reads and writes
/// and that the kernel holds for it, and what it holds back while a guest stands still.
const OVERHEAD_BYTES: u64 = 512 << 20;

/// And this part of the memory.
const OVERHEAD_DIVISOR: u64 = 8;

/// Most threads of a machine's process: processors, devices, a few more, and those that KVM adds.
const MOST_THREADS: u32 = 128;

/// What kernels are told besides what every guest is.
const COMMAND_LINE: &str = "console=ttyS0 quiet";

/// What a machine writes until its first snapshot.
pub(super) const FIRST_WRITTEN: &str = "written-0";

impl KvmBackend {
    /// A machine in the state of these layers.
    pub(super) fn machine(&self, start: &MachineStart) -> Result<Box<dyn Machine>, BackendError> {
        let last = start.layers.iter().rev().find_map(|layer| match layer {
            Layer::Frozen(id) => Some(id.clone()),
            Layer::Copied(_) => None,
        });
        match last {
            Some(layer) => {
                let run = self.overlay.machine_directory(&start.layers)?;
                Ok(Box::new(self.restored(start, run, &layer)?))
            }
            None => Ok(Box::new(self.fresh(start)?)),
        }
    }

    /// A machine in the state of its base: restored from the end of its boot, for which it boots if nobody did.
    fn fresh(&self, start: &MachineStart) -> Result<KvmMachine, BackendError> {
        let shape = self.shape(start)?;
        let booted = self.booted_name(start, shape);
        let needed = [Layer::Frozen(booted.clone())];
        let _one_at_a_time = self.booting.lock().unwrap_or_else(PoisonError::into_inner);
        let run = self.overlay.machine_directory(&needed)?;
        if self.has_layer(&booted) {
            match self.restored(start, run, &booted) {
                // Broken, and out of the way by now.
                Err(_) if !self.has_layer(&booted) => {}
                other => return other,
            }
        } else {
            drop(run);
        }
        let run = self.overlay.machine_directory(&needed)?;
        self.booted(start, run, shape, booted)
    }

    fn shape(&self, start: &MachineStart) -> Result<Shape, BackendError> {
        let bytes = start.memory_bytes.unwrap_or(MEMORY_BYTES).max(LEAST_MEMORY_BYTES);
        let memory = bytes.checked_next_multiple_of(4096).and_then(MemorySize::from_bytes);
        let memory = memory.ok_or_else(|| {
            BackendError::Unavailable(MachineError::MemorySize(bytes).to_string())
        })?;
        Ok(Shape { memory, processors: self.options.processors })
    }

    /// The same for the same base, shape and program.
    fn booted_name(&self, start: &MachineStart, shape: Shape) -> LayerId {
        let mut hasher = blake3::Hasher::new_derive_key("layerc booted machine");
        hasher.update(&start.base.identity).update(&shape.memory.bytes().to_le_bytes());
        hasher.update(&shape.processors.to_le_bytes()).update(env!("CARGO_PKG_VERSION").as_bytes());
        let name: String = hasher.finalize().to_hex().chars().take(16).collect();
        LayerId(format!("booted-{name}"))
    }

    fn booted(
        &self,
        start: &MachineStart,
        run: RunDirectory,
        shape: Shape,
        name: LayerId,
    ) -> Result<KvmMachine, BackendError> {
        let ends = self.host_ends(start, &run.path, None)?;
        let initramfs = run.path.join("initramfs");
        self.write_initramfs(&initramfs)?;
        let words = LastWords::default();
        let files = BootFiles {
            kernel: &self.kernel()?.image,
            initramfs: Some(&initramfs),
            command_line: &format!(
                "{COMMAND_LINE} {KERNEL_PARAMETERS} {}",
                self.options.init.word()
            ),
        };
        let HostEnds { devices, guest, outside, network, note } = ends;
        let starting = self.starting(&run, shape.memory, &words)?;
        let process = MachineProcess::boot(starting, shape, &files, devices).map_err(of_machine)?;
        let running = Running::new(process, words);
        let _in_memory_by_now = fs::remove_file(&initramfs);
        let setup = setup(start, network);
        let steps = self.begin(guest, &setup, Beginning::Booted, &running)?;
        self.machines()?.nursery.prepare_in_calm(shape, start.followers.max(1));
        let layers = self.layer_directory().to_owned();
        let owner_key = self.options.owner_key.clone();
        let parts = Parts { steps, running, outside, run, layers, note, owner_key };
        let mut machine = KvmMachine::new(parts, Vec::new());
        if !self.has_layer(&name) {
            // Once it answers this, all modules are loaded that every machine has: not each copy should have to.
            machine.hear(&mut |_| ())?;
            machine.keep_as(name)?;
            machine.make_durable()?;
        }
        Ok(machine)
    }

    fn restored(
        &self,
        start: &MachineStart,
        run: RunDirectory,
        layer: &LayerId,
    ) -> Result<KvmMachine, BackendError> {
        let layers = self.layer_directory().to_owned();
        let directory = layers.join(&layer.0);
        let opened = KeptGuest::read(&directory, &self.options.owner_key).and_then(|kept| {
            let snapshot = self.opened(&directory, layer, &kept.lineage.now())?;
            let disks = kept.disks(&layers)?;
            Ok((snapshot, kept, disks))
        });
        let (snapshot, kept, disks) = opened.map_err(|error| {
            if matches!(error, MachineError::Snapshot { .. }) {
                set_aside(&layers, layer);
            }
            of_machine(error)
        })?;
        snapshot.check_host().map_err(of_machine)?;
        // It begins while the devices are made.
        let (nursery, shape) = (&self.machines()?.nursery, snapshot.shape());
        nursery.prepare(shape, 1);
        let ends = self.host_ends(start, &run.path, Some((&kept, disks)))?;
        let words = LastWords::default();
        let HostEnds { devices, guest, outside, network, note } = ends;
        let starting = self.starting(&run, shape.memory, &words)?;
        let process = MachineProcess::restore(starting, &snapshot, devices).map_err(of_machine)?;
        nursery.prepare_in_calm(shape, start.followers.max(1));
        let running = Running::new(process, words);
        let setup = setup(start, network);
        let steps = self.begin(guest, &setup, Beginning::Restored, &running)?;
        let steps = steps.after(kept.commands);
        let owner_key = self.options.owner_key.clone();
        let parts = Parts { steps, running, outside, run, layers, note, owner_key };
        Ok(KvmMachine::new(parts, kept.chain).in_lineage(kept.lineage, snapshot))
    }

    /// A kept state, checked. Of an encrypted one all machines of this run share what was deciphered, as long as one of
    /// them lives.
    fn opened(
        &self,
        directory: &Path,
        layer: &LayerId,
        secrecy: &Secrecy,
    ) -> Result<Arc<Snapshot>, MachineError> {
        let open = || Snapshot::open_with(directory, secrecy).map(Arc::new);
        if *secrecy == Secrecy::Open {
            return open();
        }
        let mut deciphered = self.deciphered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = deciphered.get(layer).and_then(Weak::upgrade) {
            return Ok(snapshot);
        }
        let snapshot = open()?;
        deciphered.retain(|_, other| other.strong_count() > 0);
        deciphered.insert(layer.clone(), Arc::downgrade(&snapshot));
        Ok(snapshot)
    }

    /// What its process begins with: limits where this user may set them, which nobody asked for.
    fn starting(
        &self,
        run: &RunDirectory,
        memory: MemorySize,
        words: &LastWords,
    ) -> Result<Starting<'_>, BackendError> {
        let name = run.path.file_name().unwrap_or_default().to_string_lossy();
        let mut groups = ControlGroups::default();
        let most = memory.bytes() + memory.bytes() / OVERHEAD_DIVISOR + OVERHEAD_BYTES;
        for limit in [Limit::Memory(most), Limit::Processes(MOST_THREADS)] {
            let _ = groups.limit(&name, limit);
        }
        Ok(Starting::new(&self.machines()?.nursery, words.output()).within(groups))
    }

    fn host_ends(
        &self,
        start: &MachineStart,
        run: &Path,
        kept: Option<(&KeptGuest, Vec<Delta>)>,
    ) -> Result<HostEnds, BackendError> {
        let base_disk = start.base.directories.first();
        let base_disk = base_disk
            .ok_or_else(|| BackendError::Unavailable("the base has no disk".to_owned()))?;
        let (kept, frozen) = kept.unzip();
        let secrecy = kept.map_or(Secrecy::Open, |kept| kept.lineage.now());
        let written = Delta::begin(new_file(&run.join(FIRST_WRITTEN))?, &secrecy)
            .doing(|| "begin the disk of a machine".to_owned())?;
        HostEnds::new(Behind {
            base_disk,
            frozen: frozen.unwrap_or_default(),
            written,
            secrecy,
            repository: &self.repository,
            saved: kept.map(|kept| &kept.files),
            network: self.options.network,
            grace: self.options.background_grace,
        })
    }

    fn write_initramfs(&self, path: &Path) -> Result<(), BackendError> {
        let unavailable = |error: &dyn std::fmt::Display| {
            BackendError::Unavailable(format!("cannot pack what virtual machines boot: {error}"))
        };
        let agent = &self.machines()?.agent;
        let mut initramfs = agent.archive().map_err(|error| unavailable(&error))?;
        let modules = &self.kernel()?.modules;
        initramfs.add_modules(modules).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            unavailable(&format!("{error}{}", cause.unwrap_or_default()))
        })?;
        let bytes = initramfs.finish().map_err(|error| unavailable(&error))?;
        fs::write(path, bytes).doing(|| format!("write {}", path.display()))
    }

    /// Waits for the agent. A guest that dies meanwhile is told of with its last words.
    fn begin(
        &self,
        guest: GuestParts,
        setup: &GuestSetup,
        beginning: Beginning,
        running: &Running,
    ) -> Result<GuestSteps, BackendError> {
        let begun = GuestSteps::begin(guest, setup, beginning, self.options.patience);
        let begun = begun.map(|steps| {
            let (caches, owner_key) = (self.overlay.caches(), &self.options.owner_key);
            steps.with_caches(caches.clone(), owner_key.clone())
        });
        begun.map_err(|error| {
            let ended = running.how_it_ended_with_words();
            BackendError::Stopped(format!("the virtual machine did not start ({error}): {ended}"))
        })
    }
}

fn setup(
    start: &MachineStart,
    network: Option<crate::agent::protocol::GuestNetwork>,
) -> GuestSetup {
    GuestSetup { hostname: host_name(&start.name), tracked: TrackedFiles::Mounted, network }
}

/// A new file that is read and written by its owner alone.
pub(super) fn new_file(path: &Path) -> Result<File, BackendError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(path);
    file.doing(|| format!("make {}", path.display()))
}
