//! The number in a guest's memory that tells it which copy it is, and the interrupt that says that it is another now:
//! Microsoft's "virtual machine generation ID", by which kernels since Linux 5.18 draw randomness anew by themselves.
//!
//! Knows no snapshots. Kernels without that driver are given randomness by the agent; what they had drawn before, and
//! nobody had taken yet, stays the same in all copies.

use super::GuestMemory;
use super::error::MachineError;
use super::layout::GENERATION;
use crate::randomness::draw;
use std::io;
use vm_memory::{Bytes, GuestAddress};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Bytes of the number.
const BYTES: usize = 16;

/// A machine's number.
#[derive(Debug)]
pub(crate) struct Generation {
    interrupt: EventFd,
}

impl Generation {
    /// Gives the memory a number that no other has.
    ///
    /// # Errors
    /// When the host has no randomness or no events left, or the memory has no room for it.
    pub(crate) fn new(memory: &GuestMemory) -> Result<Self, MachineError> {
        Self::make(memory).map_err(MachineError::system("give a machine its number"))
    }

    fn make(memory: &GuestMemory) -> io::Result<Self> {
        let mut number = [0; BYTES];
        draw(&mut number)?;
        memory.write_slice(&number, GuestAddress(GENERATION)).map_err(io::Error::other)?;
        Ok(Self { interrupt: EventFd::new(EFD_NONBLOCK)? })
    }

    /// What is to be made its interrupt.
    pub(crate) fn interrupt(&self) -> &EventFd {
        &self.interrupt
    }

    /// Tells a guest that was there before the number.
    pub(crate) fn tell(&self) {
        // Only fails when the counter is full, and then it has been told.
        let _full = self.interrupt.write(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kvm::memory::{MemorySize, empty_memory};

    #[test]
    fn every_machine_has_another_number() {
        let number = || {
            let memory = empty_memory(MemorySize::from_bytes(2 << 20).unwrap()).unwrap();
            Generation::new(&memory).unwrap();
            memory.read_obj::<u128>(GuestAddress(GENERATION)).unwrap()
        };
        let (first, second) = (number(), number());
        assert!(first != 0 && second != 0 && first != second);
    }
}
