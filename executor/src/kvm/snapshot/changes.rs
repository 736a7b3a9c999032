//! Which pages of a machine's memory were written, and which were never touched.

use super::map::page_ranges;
use super::pages::PageSet;
use crate::kvm::error::MachineError;
use crate::kvm::layout::PAGE_BYTES;
use crate::kvm::memory::{GuestMemory, MemorySize};
use crate::sys::virtual_machine::MachineDescriptor;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use vm_memory::{GuestMemoryBackend, GuestMemoryRegion};

/// Of those: the page is in memory or swapped out. Others were never touched.
const TOUCHED: u64 = 0b11 << 62;

/// Pages whose facts are read at once.
const FACTS_AT_ONCE: u64 = 8192;

/// Pages written since the last call, by processors or by devices. The next call begins from here.
pub(super) fn take(
    descriptor: &MachineDescriptor,
    memory: &GuestMemory,
) -> Result<PageSet, MachineError> {
    let mut written = PageSet::default();
    for (slot, region) in (0..).zip(memory.iter()) {
        let first = region.start_addr().0 / PAGE_BYTES;
        // A region is a mapping of this process, so its length fits.
        let bytes = usize::try_from(region.len()).unwrap_or(usize::MAX);
        let log = descriptor.get_dirty_log(slot, bytes);
        let log = log.map_err(MachineError::system("read which pages were written"))?;
        written.add_bitmap(first, &log);
        written.add_bitmap(first, &region.get_mmap().bitmap().take());
    }
    Ok(written)
}

/// Pages that may be other than zero, of memory that began as zero.
/// `facts` is what the kernel tells of this process's pages.
pub(super) fn touched(facts: Option<&File>, memory: &GuestMemory, size: MemorySize) -> PageSet {
    let mut touched = PageSet::default();
    if facts.is_none_or(|facts| look(facts, memory, &mut touched).is_err()) {
        // Looking is only a short cut.
        page_ranges(size).for_each(|range| touched.add_range(range));
    }
    touched
}

fn look(facts: &File, memory: &GuestMemory, touched: &mut PageSet) -> io::Result<()> {
    for region in memory.iter() {
        let (mut here, mut there) =
            (region.as_ptr() as u64 / PAGE_BYTES, region.start_addr().0 / PAGE_BYTES);
        let end = there + region.len() / PAGE_BYTES;
        while there < end {
            let count = (end - there).min(FACTS_AT_ONCE);
            let mut part = vec![0; usize::try_from(count * 8).unwrap_or_default()];
            facts.read_exact_at(&mut part, here * 8)?;
            for (page, fact) in (there..).zip(part.as_chunks().0) {
                if u64::from_le_bytes(*fact) & TOUCHED != 0 {
                    touched.add_range(page..page + 1);
                }
            }
            (here, there) = (here + count, there + count);
        }
    }
    Ok(())
}
