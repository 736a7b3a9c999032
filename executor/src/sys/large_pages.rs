//! Memory for a guest, mapped where large pages begin.
//!
//! Knows nothing of guests: a mapping, and the bitmap of what was written to it, that end together.

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::io;
use std::ptr::null_mut;
use vm_memory::MmapRegion;
use vm_memory::bitmap::{AtomicBitmap, Bitmap, NewBitmap, RefSlice, WithBitmapSlice};
use vm_memory::mmap::MmapRegionBuilder;

/// Bytes of a large page.
pub(crate) const LARGE_PAGE_BYTES: usize = 2 << 20;

/// The bitmap of a region, and the region's mapping: whoever has the region has this.
#[derive(Debug)]
pub struct Written {
    bits: AtomicBitmap,
    _place: Place,
}

impl Written {
    /// Takes the pages that were written since the last time.
    pub(crate) fn take(&self) -> Vec<u64> {
        self.bits.get_and_reset()
    }
}

impl<'a> WithBitmapSlice<'a> for Written {
    type S = RefSlice<'a, AtomicBitmap>;
}

impl Bitmap for Written {
    fn mark_dirty(&self, offset: usize, length: usize) {
        self.bits.mark_dirty(offset, length);
    }

    fn dirty_at(&self, offset: usize) -> bool {
        self.bits.dirty_at(offset)
    }

    fn slice_at(&self, offset: usize) -> <Self as WithBitmapSlice<'_>>::S {
        self.bits.slice_at(offset)
    }
}

/// A mapping.
#[derive(Debug)]
struct Place {
    start: *mut c_void,
    bytes: usize,
}

// SAFETY: an address and a length; what is there is reached through vm-memory alone, from any thread.
unsafe impl Send for Place {}
// SAFETY: nothing is done with it but to unmap it when it is dropped.
unsafe impl Sync for Place {}

impl Place {
    /// Zeros that take no room until they are written.
    fn new(bytes: usize) -> io::Result<Self> {
        let most = bytes.checked_add(LARGE_PAGE_BYTES).ok_or(io::ErrorKind::InvalidInput)?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new anonymous mapping at a place of the kernel's choice touches no memory that anybody has.
        let start = unsafe { mmap_anonymous(null_mut(), most, protection, flags)? };
        let before = start.addr().next_multiple_of(LARGE_PAGE_BYTES) - start.addr();
        let place = Self { start: start.wrapping_byte_add(before), bytes };
        unmap(start, before);
        unmap(place.start.wrapping_byte_add(bytes), LARGE_PAGE_BYTES - before);
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        unmap(self.start, self.bytes);
    }
}

/// Takes a part of a [`Place`] away; part of a mapping of this module that nobody has, or has any longer.
fn unmap(start: *mut c_void, bytes: usize) {
    if bytes > 0 {
        // SAFETY: only called above, for bytes of a mapping made there which no region contains (what is left over of it at
        // its ends), or whose region is being dropped and which thereby nobody refers to.
        let _still_mapped = unsafe { munmap(start, bytes) };
    }
}

/// A region that begins where a large page does.
///
/// # Errors
/// When this process has no address space left.
pub(crate) fn large_paged_region(bytes: usize) -> io::Result<MmapRegion<Written>> {
    let place = Place::new(bytes)?;
    let start = place.start.cast();
    let written = Written { bits: AtomicBitmap::with_len(bytes), _place: place };
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    let builder = MmapRegionBuilder::new_with_bitmap(bytes, written)
        .with_mmap_prot(protection.bits().cast_signed());
    // SAFETY: the mapping is of this length, readable and writable, and lives as long as the bitmap, which the region has.
    unsafe { builder.with_raw_mmap_pointer(start) }.build().map_err(io::Error::other)
}
