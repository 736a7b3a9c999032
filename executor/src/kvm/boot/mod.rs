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
use std::fs::File;
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

/// The same, open.
#[derive(Debug)]
pub(crate) struct BootImages {
    pub(crate) kernel: BootImage,
    pub(crate) initramfs: Option<BootImage>,
    pub(crate) command_line: String,
}

/// An open file, and what it is called in messages.
#[derive(Debug)]
pub(crate) struct BootImage {
    pub(crate) file: File,
    pub(crate) name: String,
}

impl BootFiles<'_> {
    /// Opens them.
    pub(crate) fn open(&self) -> Result<BootImages, MachineError> {
        let open = |path: &Path| {
            let name = path.display().to_string();
            let opened = File::open(path);
            opened.map(|file| BootImage { file, name }).map_err(|error| MachineError::Kernel {
                path: path.display().to_string(),
                reason: error.to_string(),
            })
        };
        Ok(BootImages {
            kernel: open(self.kernel)?,
            initramfs: self.initramfs.map(open).transpose()?,
            command_line: self.command_line.to_owned(),
        })
    }
}

/// Loads any file as a kernel; whether it was one.
#[cfg(any(test, fuzzing))]
pub(super) fn load_any(memory: &GuestMemory, file: File) -> bool {
    let image = BootImage { file, name: "any".to_owned() };
    kernel::load_kernel(memory, &image).is_ok()
}

/// Writes all of it into memory; the answer is the address of the first instruction.
pub(crate) fn load(
    memory: &GuestMemory,
    size: MemorySize,
    images: &BootImages,
    acpi_pointer: u64,
) -> Result<u64, MachineError> {
    let kernel = kernel::load_kernel(memory, &images.kernel)?;
    let initramfs = match &images.initramfs {
        Some(image) => Some(kernel::load_initramfs(memory, size, &kernel, image)?),
        None => None,
    };
    kernel::load_command_line(memory, &images.command_line)?;
    parameters::write(memory, size, &kernel, initramfs, acpi_pointer)?;
    long_mode::write_tables(memory)?;
    Ok(kernel.entry)
}
