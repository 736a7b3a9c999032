//! A device's way to call its driver: a status word and the event that KVM turns into an interrupt.
//!
//! Lock-free, because the driver asks for the status in every interrupt, while the device works.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Why a driver is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Something is in a used ring.
    Used,
    /// The configuration, or the device's health, changed.
    Configuration,
}

impl Cause {
    const fn bit(self) -> u32 {
        match self {
            Self::Used => VIRTIO_MMIO_INT_VRING,
            Self::Configuration => VIRTIO_MMIO_INT_CONFIG,
        }
    }
}

/// One device's interrupt line.
#[derive(Debug)]
pub(super) struct Interrupt {
    status: AtomicU32,
    event: EventFd,
}

impl Interrupt {
    /// One that is not raised.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { status: AtomicU32::new(0), event: EventFd::new(EFD_NONBLOCK)? })
    }

    /// What KVM listens to.
    pub(super) fn event(&self) -> &EventFd {
        &self.event
    }

    /// Calls the driver.
    pub(super) fn raise(&self, cause: Cause) {
        self.status.fetch_or(cause.bit(), Ordering::AcqRel);
        self.signal();
    }

    /// Calls again for what was not acknowledged: an event may be lost between a machine that was saved and one that was restored.
    pub(super) fn raise_again(&self) {
        if self.status() != 0 {
            self.signal();
        }
    }

    fn signal(&self) {
        // Only fails when the counter is full, and then an interrupt is on its way.
        let _full = self.event.write(1);
    }

    /// Causes that were not acknowledged.
    pub(super) fn status(&self) -> u32 {
        self.status.load(Ordering::Acquire)
    }

    /// The driver has seen these.
    pub(super) fn acknowledge(&self, causes: u32) {
        self.status.fetch_and(!causes, Ordering::AcqRel);
    }

    /// Sets the word to what was saved; 0 at a reset.
    pub(super) fn set_status(&self, status: u32) {
        self.status.store(status, Ordering::Release);
    }
}
