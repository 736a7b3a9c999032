//! The project's own machines, each in its jailed process as a run has them: with the smallest guest there is, or with the
//! agent, a disk and sockets.

use super::marks::Marks;
use layerc_executor::agent::protocol::{GuestSetup, Reply, Request, TrackedFiles};
use layerc_executor::kvm::devices::disk::{Delta, DiskFiles};
use layerc_executor::kvm::devices::sockets::{Connector, SocketsPart};
use layerc_executor::kvm::guest::{AgentProgram, GuestAgent, KERNEL_PARAMETERS};
use layerc_executor::kvm::process::{HandedDevice, MachineProcess, Nursery, Starting};
use layerc_executor::kvm::{BootFiles, MemorySize, Secrecy, Shape, Snapshot};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for an agent.
const PATIENCE: Duration = Duration::from_secs(170);

/// Long enough for a process to prepare for a machine, in the lab.
const PREPARING: Duration = Duration::from_millis(200);

/// What machines are made of.
pub(super) struct Kit {
    /// Of the command, which is the agent too.
    nursery: Nursery,
    pub(super) kernel: PathBuf,
    pub(super) root_disk: PathBuf,
    /// Where snapshots are.
    pub(super) directory: PathBuf,
    /// What machines with an agent start from.
    agent: PathBuf,
}

/// A machine whose guest makes marks.
pub(super) struct Marked {
    pub(super) process: MachineProcess,
    pub(super) marks: Marks,
}

/// A machine with an agent.
pub(super) struct WithAgent {
    process: MachineProcess,
    agent: GuestAgent,
    /// What its disk writes.
    written: File,
}

/// A machine with an agent that was kept.
pub(super) struct Kept {
    snapshot: Snapshot,
    disk: Arc<File>,
}

pub(super) fn shape(mebibytes: u64) -> Shape {
    Shape { memory: MemorySize::from_bytes(mebibytes << 20).expect("a size"), processors: 1 }
}

fn setup() -> GuestSetup {
    GuestSetup { hostname: "guest".to_owned(), tracked: TrackedFiles::Absent, network: None }
}

impl Kit {
    /// Of what the lab has, and this command.
    pub(super) fn new(parts: &Path, program: &Path, kernel: &Path, directory: &Path) -> Self {
        let program = AgentProgram::beside(program).expect("this process can be looked at");
        let mut archive = program.archive().expect("the agent is read");
        archive.add_modules(&parts.join("modules")).expect("the modules are there");
        let agent = directory.join("agent-archive");
        fs::write(&agent, archive.finish().expect("an archive")).expect("room");
        Self {
            nursery: Nursery::new(program.path()),
            kernel: kernel.to_owned(),
            root_disk: parts.join("root-disk"),
            directory: directory.to_owned(),
            agent,
        }
    }

    fn files<'f>(&'f self, initramfs: &'f Path, command_line: &'f str) -> BootFiles<'f> {
        BootFiles { kernel: &self.kernel, initramfs: Some(initramfs), command_line }
    }

    /// Boots a guest that makes marks, until it made one.
    pub(super) fn boot_marked(&self, initramfs: &Path, mebibytes: u64) -> Marked {
        let (marks, output) = Marks::new();
        let line = format!("console=ttyS0 quiet {KERNEL_PARAMETERS}");
        let files = self.files(initramfs, &line);
        let starting = Starting::new(&self.nursery, Box::new(output));
        let process = MachineProcess::boot(starting, shape(mebibytes), &files, plain_devices());
        let process = process.expect("it boots");
        marks.first();
        Marked { process, marks }
    }

    /// Prepares for so many machines of this size, as a run does behind each machine and before copies, and waits for that.
    pub(super) fn prepare(&self, mebibytes: u64, machines: usize) {
        self.nursery.prepare(shape(mebibytes), machines);
        std::thread::sleep(PREPARING * u32::try_from(machines).expect("a few"));
    }

    /// Restores a guest that makes marks, until it made one.
    pub(super) fn restore_marked(&self, name: &str) -> Marked {
        let restored = self.restore(name);
        restored.marks.first();
        restored
    }

    /// Restores such a guest, until its monitor says that it runs.
    pub(super) fn restore(&self, name: &str) -> Marked {
        let snapshot = Snapshot::open(&self.directory.join(name)).expect("it opens");
        let (marks, output) = Marks::new();
        let starting = Starting::new(&self.nursery, Box::new(output));
        let process = MachineProcess::restore(starting, &snapshot, plain_devices());
        Marked { process: process.expect("it is restored"), marks }
    }

    /// Makes room, which in the lab is memory.
    pub(super) fn remove(&self, name: &str) {
        fs::remove_dir_all(self.directory.join(name)).expect("it was kept");
    }

    /// Boots until the agent answers.
    pub(super) fn boot_agent(&self, mebibytes: u64) -> WithAgent {
        let (devices, connector, written) = self.devices(Vec::new());
        let line = format!("console=ttyS0 quiet {KERNEL_PARAMETERS}");
        let files = self.files(&self.agent, &line);
        let starting = Starting::new(&self.nursery, Box::new(std::io::sink()));
        let process = MachineProcess::boot(starting, shape(mebibytes), &files, devices);
        WithAgent::of(process.expect("it boots"), &connector, written)
    }

    /// Restores until the agent answers.
    pub(super) fn restore_agent(&self, kept: &Kept) -> WithAgent {
        let (devices, connector, written) = self.devices(vec![Delta::Open(Arc::clone(&kept.disk))]);
        let starting = Starting::new(&self.nursery, Box::new(std::io::sink()));
        let process = MachineProcess::restore(starting, &kept.snapshot, devices);
        WithAgent::of(process.expect("it is restored"), &connector, written)
    }

    fn devices(&self, frozen: Vec<Delta>) -> (Vec<HandedDevice>, Connector, File) {
        let base = Arc::new(File::open(&self.root_disk).expect("the disk is there"));
        let bytes = base.metadata().expect("it has a length").len();
        let written = tempfile::tempfile().expect("room");
        let ours = written.try_clone().expect("a descriptor");
        let (sockets, connector) = SocketsPart::new().expect("sockets");
        let files = DiskFiles { base, frozen, written: written.into() };
        let disk = HandedDevice::Disk(files, bytes, Secrecy::Open);
        let devices = vec![
            HandedDevice::Entropy,
            HandedDevice::Sockets(sockets),
            disk,
            HandedDevice::Balloon,
        ];
        (devices, connector, ours)
    }
}

impl WithAgent {
    fn of(process: MachineProcess, connector: &Connector, written: File) -> Self {
        let agent = GuestAgent::connect(connector, &setup(), PATIENCE).expect("the agent answers");
        Self { process, agent, written }
    }

    /// Gives it an order, before which it loads what it had no need of to answer, and waits for the answer.
    pub(super) fn order(&mut self) {
        let answer = self.agent.ask(&Request::Hear, &mut drop).expect("it answers");
        assert_eq!(answer, Reply::Done);
    }

    /// Keeps it as a run does, and ends it.
    pub(super) fn keep(mut self, kit: &Kit, name: &str) -> Kept {
        self.order();
        self.process.pause().expect("it stands still");
        let next = tempfile::tempfile().expect("room");
        self.process.freeze_disk(&next, &Secrecy::Open).expect("its disk is frozen");
        self.process.snapshot(&kit.directory, name, &Secrecy::Open).expect("it is kept");
        let snapshot = Snapshot::open(&kit.directory.join(name)).expect("it opens");
        Kept { snapshot, disk: Arc::new(self.written) }
    }
}

pub(super) fn plain_devices() -> Vec<HandedDevice> {
    vec![HandedDevice::Entropy, HandedDevice::Balloon]
}
