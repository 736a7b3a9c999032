//! The memory of a guest, as everything here knows it.
//!
//! Knows nothing of processors or devices. Each region carries a bitmap of pages that were written through this type:
//! the devices' writes. What processors write, KVM's own dirty log knows; a snapshot takes both together.

use super::error::MachineError;
use super::layout::{GAP_END, GAP_START, PAGE_BYTES};
use crate::sys::large_pages::{Written, large_paged_region};
use serde::{Deserialize, Serialize};
use vm_memory::{GuestAddress, GuestMemoryMmap, GuestRegionMmap};

/// Regions of this process's memory that a guest sees as its own.
pub type GuestMemory = GuestMemoryMmap<Written>;

/// Least memory of a guest: a kernel unpacks itself in it.
const LEAST_BYTES: u64 = 1 << 20;

/// Most memory of a guest.
const MOST_BYTES: u64 = 1 << 40;

/// How much memory a guest has: whole pages, between 1 MiB and 1 TiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct MemorySize(u64);

impl TryFrom<u64> for MemorySize {
    type Error = MachineError;

    fn try_from(bytes: u64) -> Result<Self, MachineError> {
        Self::from_bytes(bytes).ok_or(MachineError::MemorySize(bytes))
    }
}

impl From<MemorySize> for u64 {
    fn from(size: MemorySize) -> Self {
        size.bytes()
    }
}

impl MemorySize {
    /// So many bytes, if a guest can have them.
    pub fn from_bytes(bytes: u64) -> Option<Self> {
        let fits = (LEAST_BYTES..=MOST_BYTES).contains(&bytes) && bytes.is_multiple_of(PAGE_BYTES);
        fits.then_some(Self(bytes))
    }

    /// In bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// Start and length of each region, in rising order.
    pub(crate) fn ranges(self) -> Vec<(u64, u64)> {
        let low = self.0.min(GAP_START);
        let high = self.0 - low;
        let mut ranges = vec![(0, low)];
        if high > 0 {
            ranges.push((GAP_END, high));
        }
        ranges
    }
}

/// Memory that is all zero and takes no room until it is written.
///
/// It begins where large pages (2 MiB) do, for the guest as for the host: then the host's kernel can give the guest that many bytes
/// at once instead of 4 KiB. A kernel that boots touches 64 MiB at once, and without this leaves its guest some 17,000 times for
/// nothing else.
///
/// # Errors
/// When this process has no address space left.
pub(crate) fn empty_memory(size: MemorySize) -> Result<GuestMemory, MachineError> {
    memory_of(&size.ranges())
}

/// The same of these ranges: start and length of each, in rising order.
pub(super) fn memory_of(ranges: &[(u64, u64)]) -> Result<GuestMemory, MachineError> {
    let refused = |error: &dyn std::fmt::Display| MachineError::Memory(error.to_string());
    let regions = ranges.iter().map(|&(start, length)| {
        let length = usize::try_from(length).map_err(|error| refused(&error))?;
        let region = large_paged_region(length).map_err(|error| refused(&error))?;
        let region = GuestRegionMmap::new(region, GuestAddress(start));
        region.ok_or_else(|| refused(&"a region beyond the end of all addresses"))
    });
    let regions = regions.collect::<Result<_, _>>()?;
    GuestMemory::from_regions(regions).map_err(|error| refused(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::large_pages::LARGE_PAGE_BYTES;
    use vm_memory::{GuestMemoryBackend, GuestMemoryRegion};

    #[test]
    fn memory_leaves_the_devices_their_gap() {
        let ranges =
            |mebibytes: u64| MemorySize::from_bytes(mebibytes << 20).map(MemorySize::ranges);
        assert_eq!(ranges(0), None);
        assert_eq!(ranges(512), Some(vec![(0, 512 << 20)]));
        assert_eq!(ranges(3072), Some(vec![(0, 3072 << 20)]));
        assert_eq!(ranges(4096), Some(vec![(0, 3072 << 20), (4096 << 20, 1024 << 20)]));
        assert_eq!(MemorySize::from_bytes((512 << 20) + 1), None);
    }

    #[test]
    fn memory_begins_where_large_pages_do_and_is_as_long_as_it_should() {
        for mebibytes in [1, 2, 64, 65, 3073] {
            let size = MemorySize::from_bytes(mebibytes << 20).unwrap();
            let mut bytes = 0;
            for region in empty_memory(size).unwrap().iter() {
                let place = region.as_ptr().addr();
                assert_eq!(place % LARGE_PAGE_BYTES, 0, "{mebibytes} MiB at {place:#x}");
                bytes += region.len();
            }
            assert_eq!(bytes, size.bytes());
        }
    }
}
