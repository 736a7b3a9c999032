//! The memory of a guest, as everything here knows it.
//!
//! Knows nothing of processors or devices. Each region carries a bitmap of pages that were written through this type:
//! the devices' writes. What processors write, KVM's own dirty log knows; a snapshot takes both together.

use super::error::MachineError;
use super::layout::{GAP_END, GAP_START, PAGE_BYTES};
use vm_memory::bitmap::AtomicBitmap;
use vm_memory::{GuestAddress, GuestMemoryMmap};

/// Regions of this process's memory that a guest sees as its own.
pub type GuestMemory = GuestMemoryMmap<AtomicBitmap>;

/// Least memory of a guest: a kernel unpacks itself in it.
const LEAST_BYTES: u64 = 1 << 20;

/// Most memory of a guest.
const MOST_BYTES: u64 = 1 << 40;

/// How much memory a guest has: whole pages, between 1 MiB and 1 TiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemorySize(u64);

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
/// # Errors
/// When this process has no address space left.
pub(crate) fn empty_memory(size: MemorySize) -> Result<GuestMemory, MachineError> {
    let ranges: Option<Vec<_>> = size
        .ranges()
        .into_iter()
        .map(|(start, length)| Some((GuestAddress(start), usize::try_from(length).ok()?)))
        .collect();
    let ranges = ranges.ok_or(MachineError::MemorySize(size.0))?;
    GuestMemory::from_ranges(&ranges).map_err(|error| MachineError::Memory(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
