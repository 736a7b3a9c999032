//! The process of a machine as the run sees it: started, told what to do, ended.

use super::devices::HandedDevice;
use super::life::Life;
use super::newborn::{Ready, starting};
use super::nursery::{Nursery, Started};
use super::orders::Orders;
use super::protocol::Order;
use crate::kvm::console::Output;
use crate::kvm::devices::disk::Delta;
use crate::kvm::error::MachineError;
use crate::kvm::hypervisor;
use crate::kvm::machine::Shape;
use crate::kvm::memory::MemorySize;
use crate::kvm::snapshot::{Ancestry, Snapshot, Unfinished};
use crate::kvm::{BootFiles, Secrecy};
use crate::overlay::ControlGroups;
use rustix::fs::MemfdFlags;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long the process has to be gone once it was killed. Memory of hundreds of GiB takes seconds.
const LONGEST_END: Duration = Duration::from_secs(60);

/// What a process is started with.
#[expect(missing_debug_implementations, reason = "an output has none")]
pub struct Starting<'a> {
    nursery: &'a Nursery,
    groups: ControlGroups,
    output: Output,
}

impl<'a> Starting<'a> {
    /// A process from there. What the machine's serial line prints goes to `output`.
    pub fn new(nursery: &'a Nursery, output: Output) -> Self {
        Self { nursery, groups: ControlGroups::default(), output }
    }

    /// Under these limits.
    pub(crate) fn within(self, groups: ControlGroups) -> Self {
        Self { groups, ..self }
    }
}

/// See the module. Dropping it ends the process, and waits until it is gone.
#[derive(Debug)]
pub struct MachineProcess {
    orders: Orders,
    life: Arc<Life>,
    /// Walls that this host doesn't permit.
    lacking: Vec<String>,
    ancestry: Ancestry,
    size: MemorySize,
    /// Lives as long as what it made.
    _nursery: Arc<Started>,
    /// Dropped last: a group can go when its processes are gone.
    _groups: ControlGroups,
}

impl MachineProcess {
    /// Boots a kernel.
    ///
    /// # Errors
    /// When there is no such process, or no such machine in it.
    pub fn boot(
        start: Starting<'_>,
        shape: Shape,
        files: &BootFiles<'_>,
        devices: Vec<HandedDevice>,
    ) -> Result<Self, MachineError> {
        let Starting { nursery, groups, output } = start;
        let process = Self::of(nursery.newborn()?.ready()?, groups, output, shape.memory)?;
        let images = files.open()?;
        let mut handed = vec![hypervisor::open()?];
        let mut names = Vec::new();
        for image in std::iter::once(images.kernel).chain(images.initramfs) {
            names.push(image.name);
            handed.push(image.file.into());
        }
        let order = Order::Boot {
            shape,
            command_line: images.command_line,
            names,
            devices: apart(devices, &mut handed)?,
        };
        process.have_done(order, &borrowed(&handed))?;
        Ok(process)
    }

    /// Restores a machine and lets it run.
    ///
    /// # Errors
    /// As for [`Self::boot`].
    pub fn restore(
        start: Starting<'_>,
        snapshot: &Snapshot,
        devices: Vec<HandedDevice>,
    ) -> Result<Self, MachineError> {
        let Starting { nursery, groups, output } = start;
        let shape = snapshot.shape();
        let ready = nursery.prepared(shape)?;
        let mut process = Self::of(ready, groups, output, shape.memory)?;
        process.ancestry = snapshot.ancestry();
        let mut handed = Vec::new();
        let devices = apart(devices, &mut handed)?;
        let snapshot = snapshot.descriptors();
        let memory_files = u32::try_from(snapshot.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let all: Vec<_> = snapshot.into_iter().chain(borrowed(&handed)).collect();
        process.have_done(Order::Restore { memory_files, devices }, &all)?;
        Ok(process)
    }

    fn of(
        ready: Ready,
        groups: ControlGroups,
        output: Output,
        size: MemorySize,
    ) -> Result<Self, MachineError> {
        let Ready { orders, ends, nursery, handle, mut lacking } = ready;
        // Before it has anything of a guest.
        let joined = number_of(&handle).and_then(|process| groups.add(process));
        lacking.extend(joined.err().map(|error| format!("limits on its memory ({error})")));
        let life = Life::follow(ends, output, handle).map_err(starting)?;
        let ancestry = Ancestry::default();
        Ok(Self { orders, life, lacking, ancestry, size, _nursery: nursery, _groups: groups })
    }

    /// Walls that this host doesn't permit, in words.
    pub fn lacking(&self) -> &[String] {
        &self.lacking
    }

    /// What is known of its end, from any thread.
    pub fn life(&self) -> &Arc<Life> {
        &self.life
    }

    /// The guest and its devices stand still when this returns.
    ///
    /// # Errors
    /// When the machine has ended, or doesn't stop; then it runs on.
    pub fn pause(&self) -> Result<(), MachineError> {
        self.have_done(Order::Pause, &[])
    }

    /// Lets it run on.
    ///
    /// # Errors
    /// When its process is gone.
    pub fn resume(&self) -> Result<(), MachineError> {
        self.have_done(Order::Resume, &[])
    }

    /// From now on its disk is written to this new file.
    ///
    /// # Errors
    /// When the machine has no disk, or its process is gone.
    pub fn freeze_disk(&self, written: &File, secrecy: &Secrecy) -> Result<(), MachineError> {
        let written = begun(written, secrecy)?;
        self.have_done(Order::FreezeDisk(secrecy.clone()), &[written.file().as_fd()])
    }

    /// From now on its disk is written to this new file instead, with all that was written to it since it was frozen.
    ///
    /// # Errors
    /// As [`Self::freeze_disk`].
    pub fn move_disk(&self, written: &File, secrecy: &Secrecy) -> Result<(), MachineError> {
        let written = begun(written, secrecy)?;
        self.have_done(Order::MoveDisk(secrecy.clone()), &[written.file().as_fd()])
    }

    /// Makes a snapshot: a new directory `name` in `directory`, where the snapshots are that this machine comes from. The
    /// machine runs on. Nothing is there, or all of it.
    ///
    /// # Errors
    /// When the machine has ended, the disk is full, or what its process says can't be.
    pub fn snapshot(
        &mut self,
        directory: &Path,
        name: &str,
        secrecy: &Secrecy,
    ) -> Result<(), MachineError> {
        let begun = self.begin_snapshot(directory, name, secrecy)?;
        self.finish_snapshot(begun, secrecy)
    }

    /// Begins one while the machine runs: most of its memory is written by then. Dropping the answer gives it up.
    ///
    /// # Errors
    /// As for [`Self::snapshot`].
    pub fn begin_snapshot(
        &self,
        directory: &Path,
        name: &str,
        secrecy: &Secrecy,
    ) -> Result<Unfinished, MachineError> {
        let unfinished = Unfinished::begin(directory, name)?;
        let order = Order::BeginKeeping(secrecy.clone());
        self.have_done(order, &[unfinished.memory_file()?.as_fd()])?;
        Ok(unfinished)
    }

    /// Makes it whole. A machine that stands still runs on from there.
    ///
    /// # Errors
    /// As for [`Self::snapshot`].
    pub fn finish_snapshot(
        &mut self,
        begun: Unfinished,
        secrecy: &Secrecy,
    ) -> Result<(), MachineError> {
        let making = MachineError::system("make room for a machine's state");
        let state = rustix::fs::memfd_create("state", MemfdFlags::CLOEXEC).map_err(making)?;
        let order = Order::FinishKeeping { name: begun.name() };
        self.have_done(order, &[state.as_fd()])?;
        self.ancestry = begun.finish_with(&state.into(), &self.ancestry, self.size, secrecy)?;
        Ok(())
    }

    /// Has the process do what no machine may, so that a test sees what becomes of it.
    ///
    /// # Errors
    /// When it ends of that, which is what it should.
    #[doc(hidden)]
    pub fn trespass(&self) -> Result<(), MachineError> {
        self.have_done(Order::Trespass, &[])
    }

    fn have_done(&self, order: Order, files: &[BorrowedFd<'_>]) -> Result<(), MachineError> {
        self.orders.have_done(order, files)
    }
}

impl Drop for MachineProcess {
    fn drop(&mut self) {
        self.life.end();
        // One that is stuck in the kernel is left to it.
        let _ = self.life.has_ended(LONGEST_END);
    }
}

fn begun(written: &File, secrecy: &Secrecy) -> Result<Delta, MachineError> {
    let begun = written.try_clone().and_then(|file| Delta::begin(file, secrecy));
    begun.map_err(MachineError::system("begin the disk of a machine"))
}

fn apart(
    devices: Vec<HandedDevice>,
    handed: &mut Vec<OwnedFd>,
) -> Result<Vec<super::devices::DeviceOrder>, MachineError> {
    let orders = devices.into_iter().map(|device| device.apart(handed));
    orders.collect::<io::Result<_>>().map_err(MachineError::system("hand over a machine's devices"))
}

fn borrowed(files: &[OwnedFd]) -> Vec<BorrowedFd<'_>> {
    files.iter().map(AsFd::as_fd).collect()
}

/// The number of a process, as it is known here.
fn number_of(handle: &OwnedFd) -> io::Result<u32> {
    let facts = fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd()))?;
    let number = facts.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    number.ok_or_else(|| io::Error::other("the kernel doesn't tell the number of a process"))
}
