//! How a Linux kernel is put into a guest's memory and what its first instruction finds: the 64-bit boot protocol of
//! Linux (Documentation/x86/boot.rst).
//!
//! Knows no KVM: it writes memory and says where to begin.

mod kernel;
mod long_mode;
mod parameters;

pub(crate) use long_mode::entry_segments;

use super::GuestMemory;
use super::error::MachineError;
use super::memory::MemorySize;
use std::path::Path;

/// What a guest is booted with.
#[derive(Debug, Clone, Copy)]
pub struct BootFiles<'a> {
    /// A bzImage, or the ELF file of the kernel.
    pub kernel: &'a Path,
    /// The initial file system, compressed or not.
    pub initramfs: Option<&'a Path>,
    /// What the kernel is told; at most 2047 bytes.
    pub command_line: &'a str,
}

/// Writes all of it into memory; the answer is the address of the first instruction.
pub(crate) fn load(
    memory: &GuestMemory,
    size: MemorySize,
    files: &BootFiles<'_>,
    acpi_pointer: u64,
) -> Result<u64, MachineError> {
    let kernel = kernel::load_kernel(memory, files.kernel)?;
    let initramfs = match files.initramfs {
        Some(path) => Some(kernel::load_initramfs(memory, size, &kernel, path)?),
        None => None,
    };
    kernel::load_command_line(memory, files.command_line)?;
    parameters::write(memory, size, &kernel, initramfs, acpi_pointer)?;
    long_mode::write_tables(memory)?;
    Ok(kernel.entry)
}
