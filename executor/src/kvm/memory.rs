//! The memory of a guest, as everything here knows it.
//!
//! Knows nothing of processors or devices. Each region carries a bitmap of pages that were written through this type:
//! the devices' writes. What processors write, KVM's own dirty log knows; a snapshot takes both together.

use vm_memory::GuestMemoryMmap;
use vm_memory::bitmap::AtomicBitmap;

/// Regions of this process's memory that a guest sees as its own.
pub type GuestMemory = GuestMemoryMmap<AtomicBitmap>;
