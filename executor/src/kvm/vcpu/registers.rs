//! The registers of the first processor before its first instruction.

use crate::kvm::boot::entry_segments;
use crate::kvm::error::MachineError;
use crate::kvm::layout::{BOOT_PARAMETERS, BOOT_STACK};
use kvm_bindings::{Msrs, kvm_dtable, kvm_fpu, kvm_msr_entry, kvm_regs, kvm_segment};
use kvm_ioctls::VcpuFd;

/// CR0: protection and paging are on.
const PROTECTED_PAGED: u64 = 0x8000_0001;

/// CR4: large entries.
const LARGE_ENTRIES: u64 = 0x20;

/// EFER: 64-bit mode is enabled and active.
const LONG_MODE: u64 = 0x500;

/// The flags register with nothing set but the bit that always is.
const FLAGS: u64 = 2;

/// `IA32_MISC_ENABLE` with fast string operations, which kernels look at.
const FAST_STRINGS: kvm_msr_entry = kvm_msr_entry { index: 0x1a0, reserved: 0, data: 1 };

/// Default memory type: write-back, which a kernel without firmware would not set itself.
const WRITE_BACK: kvm_msr_entry = kvm_msr_entry { index: 0x2ff, reserved: 0, data: 0x806 };

pub(crate) fn prepare_first(processor: &VcpuFd, entry: u64) -> Result<(), MachineError> {
    let failed = || MachineError::system::<kvm_ioctls::Error>("set a processor's registers");
    let registers = kvm_regs {
        rip: entry,
        rsp: BOOT_STACK,
        rbp: BOOT_STACK,
        rsi: BOOT_PARAMETERS,
        rflags: FLAGS,
        ..kvm_regs::default()
    };
    processor.set_regs(&registers).map_err(failed())?;
    let floating = kvm_fpu { fcw: 0x37f, mxcsr: 0x1f80, ..kvm_fpu::default() };
    processor.set_fpu(&floating).map_err(failed())?;
    segments(processor).map_err(failed())?;
    if let Ok(msrs) = Msrs::from_entries(&[FAST_STRINGS, WRITE_BACK]) {
        // Processors without one of them do without it.
        let _ = processor.set_msrs(&msrs);
    }
    Ok(())
}

fn segments(processor: &VcpuFd) -> Result<(), kvm_ioctls::Error> {
    let entry = entry_segments();
    let mut special = processor.get_sregs()?;
    let data = segment(entry.data, 3, Size::Data);
    special.cs = segment(entry.code, 11, Size::Code);
    (special.ds, special.es, special.fs, special.gs, special.ss) = (data, data, data, data, data);
    special.tr = segment(entry.task, 11, Size::System);
    special.gdt =
        kvm_dtable { base: entry.descriptors, limit: entry.limit, ..kvm_dtable::default() };
    special.cr0 |= PROTECTED_PAGED;
    special.cr3 = entry.page_tables;
    special.cr4 |= LARGE_ENTRIES;
    special.efer |= LONG_MODE;
    processor.set_sregs(&special)
}

/// What a segment is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Code,
    Data,
    System,
}

fn segment(selector: u16, kind: u8, size: Size) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector,
        type_: kind,
        present: 1,
        dpl: 0,
        db: u8::from(size == Size::Data),
        s: u8::from(size != Size::System),
        l: u8::from(size == Size::Code),
        g: 1,
        ..kvm_segment::default()
    }
}
