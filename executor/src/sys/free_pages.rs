//! Giving pages of a guest's memory back to the host, while the guest runs.

use crate::kvm::{GuestMemory, PAGE_BYTES};
use rustix::mm::{Advice, madvise};
use std::io;
use vm_memory::{GuestAddress, GuestMemoryBackend, GuestMemoryRegion, MemoryRegionAddress};

/// Gives the whole pages of a range back to the host: what began as zero is zero again and takes no room, what was
/// mapped from a file is as it is there.
///
/// # Errors
/// When the range is not within one region, or the kernel refuses.
pub(crate) fn give_back(
    memory: &GuestMemory,
    address: GuestAddress,
    length: u64,
) -> io::Result<()> {
    let outside = || io::Error::from(io::ErrorKind::InvalidInput);
    let (region, start) = memory.to_region_addr(address).ok_or_else(outside)?;
    let end = start.0.checked_add(length).filter(|end| *end <= region.len()).ok_or_else(outside)?;
    let (first, end) = (start.0.next_multiple_of(PAGE_BYTES), end - end % PAGE_BYTES);
    let Some(bytes) = end.checked_sub(first).filter(|bytes| *bytes > 0) else { return Ok(()) };
    let place = region.get_host_address(MemoryRegionAddress(first)).map_err(io::Error::other)?;
    let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
    // SAFETY: the range lies within the region's own mapping, as checked above, and that mapping is read and written
    // through vm-memory alone, which holds no references into it and expects its bytes to change at any moment.
    unsafe { madvise(place.cast(), bytes, Advice::LinuxDontNeed) }.map_err(io::Error::from)
}
