//! What a processor needs to begin in 64-bit mode: segments and page tables for the first GiB.

use crate::kvm::GuestMemory;
use crate::kvm::error::MachineError;
use crate::kvm::layout::{PAGE_BYTES, PAGE_TABLES, SEGMENTS};
use vm_memory::{Bytes, GuestAddress};

/// Descriptors: none, none, 64-bit code, data, task. Linux wants code and data at 0x10 and 0x18.
const DESCRIPTORS: [u64; 5] =
    [0, 0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x008f_8b00_0000_ffff];

/// An entry that is present and writable.
const PRESENT_WRITABLE: u64 = 0x03;

/// The same, of a page of 2 MiB.
const LARGE_PAGE: u64 = 0x83;

/// Selectors of [`DESCRIPTORS`] and where the tables are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntrySegments {
    /// Where the descriptors are.
    pub(crate) descriptors: u64,
    /// Last byte of them, from their start.
    pub(crate) limit: u16,
    /// Selector of code.
    pub(crate) code: u16,
    /// Selector of data.
    pub(crate) data: u16,
    /// Selector of the task.
    pub(crate) task: u16,
    /// The root of the page tables.
    pub(crate) page_tables: u64,
}

pub(crate) fn entry_segments() -> EntrySegments {
    EntrySegments {
        descriptors: SEGMENTS,
        limit: 5 * 8 - 1,
        code: 0x10,
        data: 0x18,
        task: 0x20,
        page_tables: PAGE_TABLES,
    }
}

pub(super) fn write_tables(memory: &GuestMemory) -> Result<(), MachineError> {
    let write = |value: u64, address: u64| {
        memory
            .write_obj(value, GuestAddress(address))
            .map_err(|error| MachineError::Memory(error.to_string()))
    };
    for (index, descriptor) in (0..).zip(DESCRIPTORS) {
        write(descriptor, SEGMENTS + index * 8)?;
    }
    let (second, third) = (PAGE_TABLES + PAGE_BYTES, PAGE_TABLES + 2 * PAGE_BYTES);
    write(second | PRESENT_WRITABLE, PAGE_TABLES)?;
    write(third | PRESENT_WRITABLE, second)?;
    (0..512).try_for_each(|index| write((index << 21) | LARGE_PAGE, third + index * 8))
}
