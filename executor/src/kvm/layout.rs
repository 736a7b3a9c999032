//! Where things are in a guest's address space and which interrupts they raise: the one table of both.
//!
//! The devices' own part of it is in `devices/bus.rs`. Memory begins at 0 and leaves a gap below 4 GiB for devices; what does not fit below goes on above 4 GiB.

/// Most processors of a machine.
pub const MAX_PROCESSORS: usize = 8;

/// Start of the gap.
pub(crate) const GAP_START: u64 = 0xc000_0000;

/// End of the gap.
pub(crate) const GAP_END: u64 = 0x1_0000_0000;

/// Where the interrupt controller for devices is on every PC.
pub(crate) const IO_APIC: u32 = 0xfec0_0000;

/// Where each processor's own interrupt controller is.
pub(crate) const LOCAL_APIC: u32 = 0xfee0_0000;

/// Three pages that KVM needs on processors of Intel, in the gap.
pub(crate) const TASK_STATE: usize = 0xfffb_d000;

/// One more such page.
pub(crate) const IDENTITY_MAP: u64 = 0xfffb_c000;

/// First port of the serial line, as on every PC.
pub(crate) const SERIAL_PORT: u16 = 0x3f8;

/// Its interrupt.
pub(crate) const SERIAL_INTERRUPT: u32 = 4;

/// Port by which a guest turns itself off.
pub(crate) const SLEEP_CONTROL_PORT: u16 = 0x600;

/// Port that goes with it and always says 0.
pub(crate) const SLEEP_STATUS_PORT: u16 = 0x601;

/// Port by which a guest restarts itself.
pub(crate) const RESET_PORT: u16 = 0x602;

/// Command port of the keyboard controller, by which old kernels restart.
pub(crate) const KEYBOARD_PORT: u16 = 0x64;

/// What is written to [`RESET_PORT`].
pub(crate) const RESET_VALUE: u8 = 1;

/// Segment descriptors for the first instruction.
pub(crate) const SEGMENTS: u64 = 0x500;

/// The boot parameters ("zero page") of a Linux kernel.
pub(crate) const BOOT_PARAMETERS: u64 = 0x7000;

/// Top of the stack of the first instruction.
pub(crate) const BOOT_STACK: u64 = 0x8ff0;

/// Page tables of the first instruction: three pages.
pub(crate) const PAGE_TABLES: u64 = 0x9000;

/// The kernel's command line.
pub(crate) const COMMAND_LINE: u64 = 0x2_0000;

/// Most bytes of it, the last zero included.
pub(crate) const COMMAND_LINE_BYTES: usize = 2048;

/// End of the memory that every PC has below its video memory.
pub(crate) const LOW_MEMORY_END: u64 = 0x9_fc00;

/// Where ACPI's tables begin: kernels look for them from here to [`HIGH_MEMORY`].
pub(crate) const ACPI_TABLES: u64 = 0xe_0000;

/// The number that tells copies apart, with a page to itself among the tables.
pub(crate) const GENERATION: u64 = 0xf_f000;

/// The interrupt that tells of a new one. Those of devices end below it.
pub(crate) const GENERATION_INTERRUPT: u32 = 22;

/// Where memory goes on above what was reserved for firmware.
pub(crate) const HIGH_MEMORY: u64 = 0x10_0000;

/// Bytes of a page.
pub(crate) const PAGE_BYTES: u64 = 4096;
