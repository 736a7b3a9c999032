//! A page of memory for a virtual machine that probes the host.

use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::io;
use std::ptr::null_mut;

/// Bytes of a page on every processor that is probed.
const PAGE_BYTES: usize = 4096;

/// The memory at the machine's address 0. Must live as long as the machine runs.
#[derive(Debug)]
pub(crate) struct GuestPage {
    address: *mut c_void,
}

impl GuestPage {
    /// Gives `machine` a page that begins with `program`.
    ///
    /// # Errors
    /// When the program is longer than a page, or the kernel refuses.
    pub(crate) fn with(machine: &VmFd, program: &[u8]) -> io::Result<Self> {
        if program.len() > PAGE_BYTES {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new anonymous mapping at a place of the kernel's choice touches no memory that anybody has.
        let address =
            unsafe { mmap_anonymous(null_mut(), PAGE_BYTES, protection, MapFlags::PRIVATE)? };
        let page = Self { address };
        // SAFETY: the page was just mapped, writable and as long as checked above; the program is elsewhere.
        unsafe { std::ptr::copy_nonoverlapping(program.as_ptr(), address.cast(), program.len()) };
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: 0,
            memory_size: PAGE_BYTES as u64,
            userspace_addr: address as u64,
        };
        // SAFETY: the region is the mapping above, which lives until this value is dropped; the caller keeps it while
        // the machine runs, and nothing in this process reads or writes it meanwhile.
        unsafe { machine.set_user_memory_region(region)? };
        Ok(page)
    }
}

impl Drop for GuestPage {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and nobody has a reference into it.
        let _ = unsafe { munmap(self.address, PAGE_BYTES) };
    }
}
