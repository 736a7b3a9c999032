//! A virtual machine of KVM together with the memory its processors reach, so that neither outlives the other.
//!
//! Knows nothing of what runs in it. The memory's own bitmap and KVM's log are read elsewhere.

use crate::kvm::GuestMemory;
use kvm_bindings::{KVM_MEM_LOG_DIRTY_PAGES, kvm_userspace_memory_region, kvm_xsave};
use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use rustix::mm::{MapFlags, ProtFlags, mmap};
use std::fs::File;
use std::io;
use std::mem::forget;
use std::ops::Deref;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use vm_memory::{GuestAddress, GuestMemoryBackend, GuestMemoryRegion, MemoryRegionAddress};

/// Whether KVM writes down which pages the processors write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirtyLog {
    /// From now on.
    Kept,
    /// No longer.
    Off,
}

/// KVM, as it was opened elsewhere. What is no KVM answers every request with an error.
pub(crate) fn hypervisor_of(descriptor: OwnedFd) -> Kvm {
    // SAFETY: the descriptor is open and given away here, so the new owner is its only one.
    unsafe { Kvm::from_raw_fd(descriptor.into_raw_fd()) }
}

/// A virtual machine whose memory slot `n` is region `n` of its memory.
#[derive(Debug)]
pub(crate) struct MachineDescriptor {
    descriptor: VmFd,
    memory: GuestMemory,
}

impl MachineDescriptor {
    /// A machine with this memory and nothing else.
    ///
    /// # Errors
    /// When the kernel makes none, or doesn't take the memory.
    pub(crate) fn new(kvm: &Kvm, memory: GuestMemory, log: DirtyLog) -> io::Result<Self> {
        let machine = Self { descriptor: kvm.create_vm()?, memory };
        machine.set_dirty_log(log)?;
        Ok(machine)
    }

    /// Begins or ends the log for all of the memory.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn set_dirty_log(&self, log: DirtyLog) -> io::Result<()> {
        let flags = match log {
            DirtyLog::Kept => KVM_MEM_LOG_DIRTY_PAGES,
            DirtyLog::Off => 0,
        };
        for (slot, region) in (0..).zip(self.memory.iter()) {
            // SAFETY: the region is a mapping of exactly this length, kept alive by `memory`; `drop` takes the slots
            // away before. Everybody else reaches it through vm-memory alone, which expects changes at any moment.
            unsafe { self.descriptor.set_user_memory_region(slot_of(slot, region, flags))? };
        }
        Ok(())
    }
}

fn slot_of(
    slot: u32,
    region: &<GuestMemory as GuestMemoryBackend>::R,
    flags: u32,
) -> kvm_userspace_memory_region {
    kvm_userspace_memory_region {
        slot,
        flags,
        guest_phys_addr: region.start_addr().0,
        memory_size: region.len(),
        userspace_addr: region.as_ptr() as u64,
    }
}

/// What needs no care: everything that KVM's descriptor offers as safe. A processor made through it sees no memory once
/// the machine is dropped.
impl Deref for MachineDescriptor {
    type Target = VmFd;

    fn deref(&self) -> &VmFd {
        &self.descriptor
    }
}

impl Drop for MachineDescriptor {
    fn drop(&mut self) {
        for (slot, region) in (0..).zip(self.memory.iter()) {
            let gone = kvm_userspace_memory_region { memory_size: 0, ..slot_of(slot, region, 0) };
            // SAFETY: a slot of size 0 gives nothing to the guest, it takes away.
            if unsafe { self.descriptor.set_user_memory_region(gone) }.is_err() {
                // Processors that somebody still has would reach what is mapped there next: let nothing be.
                forget(self.memory.clone());
            }
        }
    }
}

/// Bytes of a file, and where a guest is to have them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'file> {
    pub(crate) file: &'file File,
    /// The first of them.
    pub(crate) offset: u64,
    /// How many.
    pub(crate) length: usize,
    pub(crate) address: GuestAddress,
}

/// Puts a piece where the guest is to have it, copied when first written. Lazily: nothing is read now.
/// The file must not be shortened while the memory is used: touching what is gone kills this process.
///
/// # Errors
/// When the range is not within one region, or the kernel refuses.
pub(crate) fn map_privately(memory: &GuestMemory, piece: &Piece<'_>) -> io::Result<()> {
    let place = piece.place_in(memory)?;
    let Piece { file, offset, length, .. } = *piece;
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
    // SAFETY: the range lies within the region's own mapping, as checked above, and that mapping is read and written
    // through vm-memory alone, which holds no references into it; it is unmapped as a whole with the region.
    let mapped = unsafe { mmap(place.cast(), length, protection, flags, file, offset)? };
    debug_assert_eq!(mapped, place.cast());
    Ok(())
}

/// Copies a piece to where the guest is to have it. Nobody is told that this was written.
///
/// # Errors
/// When the range is not within one region, the file has no such bytes, or the kernel refuses.
pub(crate) fn read_privately(memory: &GuestMemory, piece: &Piece<'_>) -> io::Result<()> {
    let place = piece.place_in(memory)?;
    let Piece { file, offset, length, .. } = *piece;
    let mut done = 0;
    while done < length {
        let offset = i64::try_from(offset + done as u64).map_err(io::Error::other)?;
        let (to, left) = (place.wrapping_add(done), length - done);
        // SAFETY: the range lies within a region's own mapping, as checked above, which is reached through vm-memory alone
        // and expects changes at any moment; `memory` keeps it for the time of the call.
        let read = unsafe { libc::pread(file.as_raw_fd(), to.cast(), left, offset) };
        match usize::try_from(read) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
    Ok(())
}

impl Piece<'_> {
    /// Where this process has the guest's bytes that it is for.
    fn place_in(&self, memory: &GuestMemory) -> io::Result<*mut u8> {
        let outside = || io::Error::from(io::ErrorKind::InvalidInput);
        let (region, start) = memory.to_region_addr(self.address).ok_or_else(outside)?;
        let end = start.0.checked_add(self.length as u64).ok_or_else(outside)?;
        if self.length == 0 || end > region.len() {
            return Err(outside());
        }
        region.get_host_address(MemoryRegionAddress(start.0)).map_err(io::Error::other)
    }
}

/// Sets the extended registers of a processor.
///
/// # Errors
/// When the processor has no such registers.
pub(crate) fn set_extended_registers(processor: &VcpuFd, state: &kvm_xsave) -> io::Result<()> {
    // SAFETY: the kernel reads more than the structure has only where a process asked for the large registers (AMX) by
    // `arch_prctl`, which this program never does.
    unsafe { processor.set_xsave(state) }.map_err(io::Error::from)
}
