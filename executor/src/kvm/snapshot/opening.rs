//! Machines are made of a snapshot: as many as wanted, each with the memory as it was, mapped and not read.

use super::ancestry::Ancestry;
use super::checksum::Checksum;
use super::decrypted::{decrypted, in_memory};
use super::map::{Contents, Extent, MemoryFile};
use super::placing::{Placing, placing};
use super::stamp::Stamp;
use super::state::MachineState;
use super::taking::Lineage;
use super::{MEMORY_FILE, STATE_FILE, file, unusable};
use crate::kvm::Secrecy;
use crate::kvm::console::{Console, Output};
use crate::kvm::devices::{DeviceBus, DevicePart};
use crate::kvm::error::MachineError;
use crate::kvm::hypervisor::Hypervisor;
use crate::kvm::layout::PAGE_BYTES;
use crate::kvm::machine::{Blank, Shape, VirtualMachine};
use crate::kvm::memory::{GuestMemory, MemorySize};
use crate::kvm::vcpu;
use crate::sys::virtual_machine::{DirtyLog, Piece, map_privately, read_privately};
use kvm_ioctls::Kvm;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use vm_memory::GuestAddress;

/// Bytes of a file that are read at once.
const READ_BYTES: usize = 1 << 20;

/// A snapshot whose files are checked and open. They may be removed from their directory meanwhile, but not changed.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    state_file: File,
    state: MachineState,
    size: MemorySize,
    files: Vec<File>,
}

impl Snapshot {
    /// Opens a snapshot. Its memory files are read only if somebody has touched them since they were written.
    ///
    /// # Errors
    /// When anything of it is missing, cut, changed, or of another version.
    pub fn open(directory: &Path) -> Result<Self, MachineError> {
        Self::open_with(directory, &Secrecy::Open)
    }

    /// The same of a machine that may have heard a secret. What is encrypted is deciphered as a whole, into memory.
    ///
    /// # Errors
    /// As [`Self::open`], and when the key is another.
    pub fn open_with(directory: &Path, secrecy: &Secrecy) -> Result<Self, MachineError> {
        let path = directory.join(STATE_FILE);
        let state: MachineState = file::read(&path, secrecy)?;
        let state_file = match secrecy {
            Secrecy::Open => File::open(&path).map_err(|error| unusable(&path, error))?,
            Secrecy::Sealed(_) => in_memory_alone(&state)?,
        };
        let size = state.fault().map_err(|fault| unusable(&path, fault))?;
        let beside = directory.parent().unwrap_or(Path::new("."));
        let open = |(number, file)| {
            let shown = state.memory.extents.iter().filter(move |extent| extent.file == number);
            open_memory(beside, file, secrecy, shown)
        };
        let files = (0..).zip(&state.memory.files).map(open);
        Ok(Self { files: files.collect::<Result<_, _>>()?, path, state_file, size, state })
    }

    /// One whose files somebody else has opened and checked.
    ///
    /// # Errors
    /// When they are no snapshot.
    pub(in crate::kvm) fn of(state_file: File, files: Vec<File>) -> Result<Self, MachineError> {
        let path = PathBuf::from(STATE_FILE);
        let state: MachineState = file::read_open(&state_file, &path)?;
        let size = state.fault().map_err(|fault| unusable(&path, fault))?;
        if files.len() != state.memory.files.len() {
            return Err(unusable(&path, "it has other memory files than it says"));
        }
        Ok(Self { path, state_file, state, size, files })
    }

    /// What [`Self::of`] takes, in its order: the state, then the memory.
    pub(in crate::kvm) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        std::iter::once(&self.state_file).chain(&self.files).map(AsFd::as_fd).collect()
    }

    /// What the machine has.
    pub fn shape(&self) -> Shape {
        Shape { memory: self.size, processors: self.state.processors.len() }
    }

    /// Where the machine's memory is, for the next snapshot of it.
    pub(in crate::kvm) fn ancestry(&self) -> Ancestry {
        Ancestry::of(&self.state.memory)
    }

    /// Names of the snapshots whose files it needs, itself included.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        self.state.memory.files.iter().map(|file| file.snapshot.as_str())
    }

    /// Makes a machine that stands where the snapshot was taken, until [`VirtualMachine::resume`]. The parts are of the
    /// kinds that the machine had, in its order.
    ///
    /// # Errors
    /// When KVM refuses, the parts are others, or the host is out of something.
    pub fn restore(
        &self,
        parts: Vec<DevicePart>,
        output: Output,
    ) -> Result<VirtualMachine, MachineError> {
        let blank = Blank::new(Hypervisor::open()?, self.shape(), DirtyLog::Kept)?;
        self.restore_in(blank, parts, output)
    }

    /// The same in what was made for it, which KVM writes the changes of down.
    pub(in crate::kvm) fn restore_in(
        &self,
        blank: Blank,
        parts: Vec<DevicePart>,
        output: Output,
    ) -> Result<VirtualMachine, MachineError> {
        if blank.shape() != self.shape() {
            return Err(unusable(&self.path, "its machine has another shape"));
        }
        self.map_into(&blank.memory)?;
        let devices = DeviceBus::restore(self.state.devices.clone(), parts, &blank.memory)?;
        self.state.shared.restore(&blank.descriptor)?;
        for (processor, state) in blank.processors.iter().zip(&self.state.processors) {
            vcpu::restore(processor, state)?;
        }
        let mut machine = blank.assemble(devices, Console::new(output, &self.state.console)?)?;
        machine.generation.tell();
        machine.lineage = Lineage { map: Some(self.state.memory.clone()), ..Lineage::default() };
        Ok(machine)
    }

    /// Whether machines can be made of it on this host.
    ///
    /// # Errors
    /// Names what the guest was told of its processors that this host's can't do.
    pub fn check_host(&self) -> Result<(), MachineError> {
        let kvm = Kvm::new().map_err(MachineError::system("open /dev/kvm"))?;
        let Some(state) = self.state.processors.first() else { return Ok(()) };
        let missing = vcpu::missing_features(&kvm, &state.features()?)?;
        if missing.is_empty() {
            return Ok(());
        }
        let reason = format!("this host's processors lack {}", missing.join(", "));
        Err(unusable(&self.path, reason))
    }

    /// Into memory that is all zero, of a machine that nobody has run yet.
    fn map_into(&self, memory: &GuestMemory) -> Result<(), MachineError> {
        let Placing { mapped, read } = placing(&self.state.memory.extents);
        let fill = || -> io::Result<()> {
            self.pieces(&mapped).try_for_each(|piece| map_privately(memory, &piece))?;
            self.pieces(&read).try_for_each(|piece| read_privately(memory, &piece))
        };
        fill().map_err(MachineError::system("map a machine's memory"))
    }

    /// In files and in memory, as was checked when the snapshot was opened.
    fn pieces(&self, extents: &[Extent]) -> impl Iterator<Item = Piece<'_>> {
        extents.iter().filter_map(|extent| {
            Some(Piece {
                file: self.files.get(extent.file as usize)?,
                offset: extent.place * PAGE_BYTES,
                length: usize::try_from(extent.count * PAGE_BYTES).unwrap_or(usize::MAX),
                address: GuestAddress(extent.page * PAGE_BYTES),
            })
        })
    }
}

/// The state of an encrypted snapshot, for the process of its machine.
fn in_memory_alone(state: &MachineState) -> Result<File, MachineError> {
    let file = in_memory("state", 0).map_err(MachineError::system("make room for a state"))?;
    file::write_open(&file, state)?;
    Ok(file)
}

/// One of the files of the snapshots in the directory `beside`, of which these parts are shown.
fn open_memory<'map>(
    beside: &Path,
    expected: &MemoryFile,
    secrecy: &Secrecy,
    shown: impl Iterator<Item = &'map Extent>,
) -> Result<File, MachineError> {
    let path = beside.join(&expected.snapshot).join(MEMORY_FILE);
    match (expected.contents, secrecy) {
        (Contents::Open(checksum), _) => open_as_it_is(&path, expected, checksum),
        (Contents::Sealed(number), Secrecy::Sealed(key)) => {
            decrypted(&path, expected, &number, key, shown)
        }
        (Contents::Sealed(_), Secrecy::Open) => {
            Err(unusable(&path, "it is encrypted, and its machine has no key"))
        }
    }
}

fn open_as_it_is(path: &Path, expected: &MemoryFile, checksum: u128) -> Result<File, MachineError> {
    let broken = |error: io::Error| unusable(path, error);
    let file = File::open(path).map_err(broken)?;
    let metadata = file.metadata().map_err(broken)?;
    if Some(metadata.len()) != expected.pages.checked_mul(PAGE_BYTES) {
        return Err(unusable(path, "it is cut short or has bytes too many"));
    }
    if Stamp::of(&metadata) != expected.stamp {
        let mut now = Checksum::default();
        io::copy(&mut BufReader::with_capacity(READ_BYTES, &file), &mut now).map_err(broken)?;
        if now.value() != checksum {
            return Err(unusable(path, "its contents have changed"));
        }
    }
    Ok(file)
}
