//! The boot parameters ("zero page"): the map of memory and where everything is.

use super::kernel::LoadedKernel;
use crate::kvm::GuestMemory;
use crate::kvm::error::MachineError;
use crate::kvm::layout::{
    ACPI_TABLES, BOOT_PARAMETERS, COMMAND_LINE, COMMAND_LINE_BYTES, HIGH_MEMORY, LOW_MEMORY_END,
};
use crate::kvm::memory::MemorySize;
use linux_loader::loader::bootparam::{boot_e820_entry, boot_params};
use vm_memory::{Bytes, GuestAddress};

/// Marks the boot sector.
const BOOT_FLAG: u16 = 0xaa55;

/// `HdrS`.
const HEADER_MAGIC: u32 = 0x5372_6448;

/// A boot loader without a number of its own.
const UNKNOWN_LOADER: u8 = 0xff;

/// Memory that may be used.
const USABLE: u32 = 1;

/// Memory that must be left alone.
const RESERVED: u32 = 2;

pub(super) fn write(
    memory: &GuestMemory,
    size: MemorySize,
    kernel: &LoadedKernel,
    initramfs: Option<(u64, u64)>,
    acpi_pointer: u64,
) -> Result<(), MachineError> {
    let mut parameters =
        boot_params { hdr: kernel.header.unwrap_or_default(), ..boot_params::default() };
    let header = &mut parameters.hdr;
    header.boot_flag = BOOT_FLAG;
    header.header = HEADER_MAGIC;
    header.type_of_loader = UNKNOWN_LOADER;
    // All of these are below 4 GiB by the layout.
    header.cmd_line_ptr = low(COMMAND_LINE);
    header.cmdline_size = low(COMMAND_LINE_BYTES as u64 - 1);
    if let Some((start, bytes)) = initramfs {
        header.ramdisk_image = low(start);
        header.ramdisk_size = low(bytes);
    }
    parameters.acpi_rsdp_addr = acpi_pointer;
    let entries = memory_map(size);
    parameters.e820_entries = u8::try_from(entries.len()).unwrap_or(u8::MAX);
    let mut table = parameters.e820_table;
    for (place, entry) in table.iter_mut().zip(entries) {
        *place = entry;
    }
    parameters.e820_table = table;
    memory
        .write_obj(parameters, GuestAddress(BOOT_PARAMETERS))
        .map_err(|error| MachineError::Memory(error.to_string()))
}

fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn memory_map(size: MemorySize) -> Vec<boot_e820_entry> {
    let mut map = vec![
        entry(0, LOW_MEMORY_END, USABLE),
        entry(ACPI_TABLES, HIGH_MEMORY - ACPI_TABLES, RESERVED),
    ];
    for (start, length) in size.ranges() {
        let from = start.max(HIGH_MEMORY);
        map.push(entry(from, (start + length).saturating_sub(from), USABLE));
    }
    map
}

fn entry(addr: u64, size: u64, kind: u32) -> boot_e820_entry {
    boot_e820_entry { addr, size, r#type: kind }
}
