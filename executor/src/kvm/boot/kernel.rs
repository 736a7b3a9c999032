//! Puts the kernel, the initial file system and the command line into memory.

use super::BootImage;
use crate::kvm::GuestMemory;
use crate::kvm::error::MachineError;
use crate::kvm::layout::{COMMAND_LINE, COMMAND_LINE_BYTES, HIGH_MEMORY, PAGE_BYTES};
use crate::kvm::memory::MemorySize;
use linux_loader::cmdline::Cmdline;
use linux_loader::loader::bootparam::setup_header;
use linux_loader::loader::bzimage::BzImage;
use linux_loader::loader::elf::Elf;
use linux_loader::loader::{KernelLoader, KernelLoaderResult, load_cmdline};
use std::io::{Read, Seek};
use vm_memory::{Bytes, GuestAddress};

/// From where a bzImage begins to its 64-bit entry.
const ENTRY_OFFSET: u64 = 0x200;

/// Highest address of an initial file system, for kernels that do not say.
const INITRAMFS_END: u64 = 0x37ff_ffff;

/// First bytes of an ELF file.
const ELF_MAGIC: [u8; 4] = *b"\x7fELF";

/// A kernel in memory.
pub(super) struct LoadedKernel {
    /// Address of its first instruction.
    pub(super) entry: u64,
    /// First address behind it.
    end: u64,
    /// What it says of itself, if it does.
    pub(super) header: Option<setup_header>,
}

pub(super) fn load_kernel(
    memory: &GuestMemory,
    image: &BootImage,
) -> Result<LoadedKernel, MachineError> {
    let unusable = |reason: String| MachineError::Kernel { path: image.name.clone(), reason };
    let mut file = &image.file;
    let mut magic = [0; 4];
    file.rewind()
        .and_then(|()| file.read_exact(&mut magic))
        .and_then(|()| file.rewind())
        .map_err(|error| unusable(error.to_string()))?;
    let high = Some(GuestAddress(HIGH_MEMORY));
    let (loaded, offset) = if magic == ELF_MAGIC {
        (Elf::load(memory, None, &mut file, high), 0)
    } else {
        (BzImage::load(memory, None, &mut file, high), ENTRY_OFFSET)
    };
    let KernelLoaderResult { kernel_load, kernel_end, setup_header, .. } =
        loaded.map_err(|error| unusable(error.to_string()))?;
    Ok(LoadedKernel { entry: kernel_load.0 + offset, end: kernel_end, header: setup_header })
}

/// As high as the kernel takes it, so that the kernel has room to unpack itself. Answers its address and length.
pub(super) fn load_initramfs(
    memory: &GuestMemory,
    size: MemorySize,
    kernel: &LoadedKernel,
    image: &BootImage,
) -> Result<(u64, u64), MachineError> {
    let action = format!("read the initial file system {}", image.name);
    let mut file = &image.file;
    let bytes = file.metadata().map_err(MachineError::system(&action))?.len();
    let said =
        kernel.header.map(|header| u64::from(header.initrd_addr_max)).filter(|most| *most > 0);
    let low = size.ranges().first().map_or(0, |(_, length)| *length);
    let top = low.min(said.unwrap_or(INITRAMFS_END) + 1);
    let no_room = MachineError::NoRoom { what: "an initial file system", bytes };
    let start = top.checked_sub(bytes).map(|start| start - start % PAGE_BYTES);
    let room = kernel.header.map_or(0, |header| u64::from(header.init_size));
    let Some(start) = start.filter(|start| *start >= kernel.end.saturating_add(room)) else {
        return Err(no_room);
    };
    let length = usize::try_from(bytes)
        .map_err(|_| MachineError::NoRoom { what: "an initial file system", bytes })?;
    memory.read_exact_volatile_from(GuestAddress(start), &mut file, length).map_err(|error| {
        MachineError::System { action, source: std::io::Error::other(error.to_string()) }
    })?;
    Ok((start, bytes))
}

pub(super) fn load_command_line(memory: &GuestMemory, text: &str) -> Result<(), MachineError> {
    let no_room = || MachineError::NoRoom { what: "a command line", bytes: text.len() as u64 };
    let mut line = Cmdline::new(COMMAND_LINE_BYTES).map_err(|_| no_room())?;
    line.insert_str(text).map_err(|_| no_room())?;
    load_cmdline(memory, GuestAddress(COMMAND_LINE), &line).map_err(|_| no_room())
}
