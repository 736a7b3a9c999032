//! The process of a machine as the run sees it: started, told what to do, ended.

use super::channel;
use super::devices::HandedDevice;
use super::life::{Heard, Life};
use super::nursery::{Nursery, Started};
use super::protocol::{Answer, Fate, Order};
use crate::kvm::console::Output;
use crate::kvm::descriptors::packet_pair;
use crate::kvm::devices::disk::Delta;
use crate::kvm::error::MachineError;
use crate::kvm::machine::Shape;
use crate::kvm::memory::MemorySize;
use crate::kvm::snapshot::{Ancestry, Snapshot, Unfinished};
use crate::kvm::{BootFiles, Secrecy};
use crate::overlay::ControlGroups;
use rustix::fs::MemfdFlags;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for an answer: writing the largest memory to a slow disk.
const LONGEST_ANSWER: Duration = Duration::from_mins(15);

/// How long the process has to be gone once it was killed. Memory of hundreds of GiB takes seconds.
const LONGEST_END: Duration = Duration::from_secs(60);

/// KVM.
const HYPERVISOR: &str = "/dev/kvm";

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
    orders: OwnedFd,
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

fn starting<E: Into<io::Error>>(error: E) -> MachineError {
    MachineError::system("start the process of a virtual machine")(error)
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
        let process = Self::start(start, shape.memory)?;
        let images = files.open()?;
        let mut handed = vec![hypervisor()?];
        let mut names = Vec::new();
        for image in std::iter::once(images.kernel).chain(images.initramfs) {
            names.push(image.name);
            handed.push(image.file.into());
        }
        let order = Order::Boot {
            memory_bytes: shape.memory.bytes(),
            processors: u32::try_from(shape.processors).unwrap_or(u32::MAX),
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
        let mut process = Self::start(start, snapshot.size())?;
        process.ancestry = snapshot.ancestry();
        let first = hypervisor()?;
        let mut handed = Vec::new();
        let devices = apart(devices, &mut handed)?;
        let snapshot = snapshot.descriptors();
        let memory_files = u32::try_from(snapshot.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let all: Vec<_> =
            std::iter::once(first.as_fd()).chain(snapshot).chain(borrowed(&handed)).collect();
        process.have_done(Order::Restore { memory_files, devices }, &all)?;
        Ok(process)
    }

    fn start(start: Starting<'_>, size: MemorySize) -> Result<Self, MachineError> {
        let Starting { nursery, groups, output } = start;
        let (orders, told) = packet_pair().map_err(starting)?;
        let (news, tells) = packet_pair().map_err(starting)?;
        let (fate, ends) = packet_pair().map_err(starting)?;
        let (printed, prints) = io::pipe().map_err(starting)?;
        set_socket_timeout(&orders, Timeout::Recv, Some(LONGEST_ANSWER)).map_err(starting)?;
        let handed = [told.as_fd(), tells.as_fd(), prints.as_fd(), ends.as_fd()];
        let nursery = nursery.ask(&handed).map_err(starting)?;
        drop((told, tells, prints, ends));
        let ready = channel::receive::<Answer>(&orders);
        let Ok(Some((Answer::Ready { mut lacking }, mut handles))) = ready else {
            return Err(never_ready(&nursery, printed, &fate, ready.err()));
        };
        let Some(handle) = handles.pop() else {
            return Err(never_ready(&nursery, printed, &fate, None));
        };
        // Before it has anything of a machine.
        let joined = number_of(&handle).and_then(|process| groups.add(process));
        lacking.extend(joined.err().map(|error| format!("limits on its memory ({error})")));
        let life = Life::follow(Heard { fate, news, printed, output }, handle);
        let life = life.map_err(starting)?;
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
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => MachineError::Ended,
            _ => MachineError::system("tell the process of a virtual machine what to do")(error),
        };
        channel::send(&self.orders, order, files).map_err(gone)?;
        match channel::receive::<Answer>(&self.orders).map_err(gone)? {
            Some((Answer::Done, _)) => Ok(()),
            Some((Answer::Failed(fault), _)) => Err(fault.into()),
            Some((Answer::Ready { .. }, _)) => Err(MachineError::Process(
                "the machine's process answers something else".to_owned(),
            )),
            None => Err(MachineError::Ended),
        }
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

fn hypervisor() -> Result<OwnedFd, MachineError> {
    let opened = File::options().read(true).write(true).open(HYPERVISOR);
    opened.map(OwnedFd::from).map_err(MachineError::system("open /dev/kvm"))
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

/// It ended before it was ready: its words say why, or the nursery's.
fn never_ready(
    nursery: &Started,
    printed: io::PipeReader,
    fate: &OwnedFd,
    error: Option<io::Error>,
) -> MachineError {
    let mut words = String::new();
    let _ = printed.take(2000).read_to_string(&mut words);
    if words.trim().is_empty() {
        words = match (channel::receive::<Fate>(fate), error) {
            (Ok(Some((Fate::Unborn(reason), _))), _) => reason,
            (Ok(Some(_)), Some(error)) => error.to_string(),
            (Ok(Some(_)), None) => "it ended".to_owned(),
            (Ok(None) | Err(_), _) => nursery.last_words(),
        };
    }
    let said = words.trim();
    MachineError::Process(format!("the process of a virtual machine did not begin: {said}"))
}
