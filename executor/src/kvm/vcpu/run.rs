//! One stay of a processor in its guest, and what brought it out.

use super::{Bus, End};
use crate::kvm::error::MachineError;
use kvm_ioctls::{VcpuExit, VcpuFd};
use std::io;

/// What comes after a stay.
pub(super) enum Step {
    /// The next.
    On,
    /// Nothing: the machine has ended.
    End(End),
}

pub(super) fn run_once(processor: &mut VcpuFd, bus: &dyn Bus) -> Result<Step, MachineError> {
    match processor.run() {
        Ok(exit) => Ok(answer(exit, bus)),
        Err(error) => match io::Error::from(error) {
            // A signal, or a processor that waits to be started by the first one.
            error
                if matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                ) =>
            {
                Ok(Step::On)
            }
            source => Err(MachineError::System { action: "run a processor".to_owned(), source }),
        },
    }
}

fn answer(exit: VcpuExit<'_>, bus: &dyn Bus) -> Step {
    match exit {
        VcpuExit::IoIn(port, data) => bus.read_port(port, data),
        VcpuExit::IoOut(port, data) => bus.write_port(port, data),
        VcpuExit::MmioRead(address, data) => bus.read_memory(address, data),
        VcpuExit::MmioWrite(address, data) => bus.write_memory(address, data),
        VcpuExit::Intr | VcpuExit::IrqWindowOpen => {}
        VcpuExit::Shutdown => {
            return Step::End(End::Failed("it had a fault in a fault in a fault".to_owned()));
        }
        VcpuExit::SystemEvent(..) => return Step::End(End::Off),
        other => return Step::End(End::Failed(format!("{other:?}"))),
    }
    Step::On
}

/// Lets the processor take in the answer to its last request to a device, without running on: only then is its state whole.
pub(super) fn settle(processor: &mut VcpuFd, bus: &dyn Bus) {
    processor.set_kvm_immediate_exit(1);
    // Taking one answer in may bring up the next request of the same instruction.
    while let Ok(exit) = processor.run() {
        if let Step::End(_) = answer(exit, bus) {
            break;
        }
    }
    processor.set_kvm_immediate_exit(0);
}
