//! A machine without devices that counts in ring 0 for a moment. How far it comes tells whether the processor runs it or
//! somebody emulates it.

use std::fs::OpenOptions;
use std::io::ErrorKind;

/// The device.
const DEVICE: &str = "/dev/kvm";

/// What came of trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// There is no such device.
    Absent(String),
    /// It is not open to this user.
    Closed(String),
    /// It opens, but a machine can't be made or doesn't run.
    Broken(String),
    /// A machine ran this fast.
    Ran {
        /// Instructions a second in ring 0.
        instructions_per_second: u64,
    },
}

impl Probe {
    /// Instructions a second below which ring 0 is emulated. Emulation manages about a million, the slowest hardware a
    /// hundred times that.
    const NATIVE_INSTRUCTIONS_PER_SECOND: u64 = 50_000_000;

    /// Whether the processor itself ran a machine: kernels boot in it in time.
    pub fn is_native(&self) -> bool {
        matches!(self, Self::Ran { instructions_per_second }
            if *instructions_per_second >= Self::NATIVE_INSTRUCTIONS_PER_SECOND)
    }
}

/// Tries it, within a tenth of a second.
pub fn probe() -> Probe {
    match OpenOptions::new().read(true).write(true).open(DEVICE) {
        Ok(_) => machine(),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Probe::Closed("it is there, but not open to this user".to_owned())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Probe::Absent("it is not there".to_owned())
        }
        Err(error) => Probe::Absent(format!("it can't be opened: {error}")),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn machine() -> Probe {
    Probe::Broken("it is only tried on x86-64".to_owned())
}

#[cfg(target_arch = "x86_64")]
fn machine() -> Probe {
    counting::run()
        .unwrap_or_else(|error| Probe::Broken(format!("a virtual machine can't be made: {error}")))
}

#[cfg(target_arch = "x86_64")]
mod counting {
    //! The machine: one page of memory, one processor in real mode, which is ring 0.

    use super::Probe;
    use crate::sys::guest_memory::GuestPage;
    use kvm_ioctls::{Kvm, VcpuExit, VcpuFd};
    use std::io;
    use std::time::{Duration, Instant};

    /// How long it counts. Emulated, the last round may take as long again.
    const TIME: Duration = Duration::from_millis(40);

    /// Instructions from one look at the clock to the next: 5,000 rounds of two, and three around them.
    const ROUND_INSTRUCTIONS: u64 = 10_003;

    /// `mov ecx, 5000; again: dec ecx; jnz again; out 0x10, al; jmp start`, for a processor in 16-bit mode.
    const PROGRAM: [u8; 14] =
        [0x66, 0xb9, 0x88, 0x13, 0, 0, 0x66, 0x49, 0x75, 0xfc, 0xe6, 0x10, 0xeb, 0xf2];

    pub(super) fn run() -> io::Result<Probe> {
        let machine = Kvm::new()?.create_vm()?;
        // Declared before the processor, so that it is dropped after it.
        let _memory = GuestPage::with(&machine, &PROGRAM)?;
        let mut processor = machine.create_vcpu(0)?;
        begin_at_zero(&processor)?;
        let started = Instant::now();
        let mut rounds = 0;
        while started.elapsed() < TIME {
            match processor.run()? {
                VcpuExit::IoOut(..) => rounds += 1,
                other => {
                    return Ok(Probe::Broken(format!(
                        "a virtual machine stopped at once: {other:?}"
                    )));
                }
            }
        }
        let nanoseconds = started.elapsed().as_nanos().max(1);
        let per_second = u128::from(rounds * ROUND_INSTRUCTIONS) * 1_000_000_000 / nanoseconds;
        Ok(Probe::Ran { instructions_per_second: u64::try_from(per_second).unwrap_or(u64::MAX) })
    }

    fn begin_at_zero(processor: &VcpuFd) -> io::Result<()> {
        let mut segments = processor.get_sregs()?;
        segments.cs.base = 0;
        segments.cs.selector = 0;
        processor.set_sregs(&segments)?;
        let mut registers = processor.get_regs()?;
        registers.rip = 0;
        registers.rflags = 2;
        Ok(processor.set_regs(&registers)?)
    }
}
