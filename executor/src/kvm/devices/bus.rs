//! All devices of a machine, side by side in one window of its address space.
//!
//! What the core of the machine sees of devices: it passes reads and writes on, registers the events of interrupts and
//! calls with KVM, and stops, saves and restores them together.

use super::device::{Device, Kind};
use super::parts::DevicePart;
use super::registers::REGION_BYTES;
use super::slot::Slot;
use super::state::{DeviceState, StateError};
use super::worker::Worker;
use crate::kvm::{GuestMemory, LONGEST_STOP};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use vmm_sys_util::eventfd::EventFd;

/// Address of the first device in the guest's memory.
pub const DEVICES_BASE: u64 = 0xd000_0000;

/// Interrupt of the first device; the next ones follow.
pub const FIRST_INTERRUPT: u32 = 5;

/// Most devices of one machine: interrupts up to 23 reach the interrupt controller.
pub const MOST_DEVICES: usize = 16;

/// Offset of the register, in a device's region, whose writes KVM turns into calls of a queue.
pub const CALL_REGISTER_OFFSET: u64 = 0x50;

/// What KVM must know of a device.
#[derive(Debug)]
pub struct DeviceSlot<'bus> {
    /// Its place, from 0.
    pub index: usize,
    /// What it is.
    pub kind: Kind,
    /// Written by the device; to be made an interrupt.
    pub interrupt: &'bus EventFd,
    /// One for each queue, by number: to be written when the guest writes that number to [`CALL_REGISTER_OFFSET`].
    pub calls: &'bus [EventFd],
}

impl DeviceSlot<'_> {
    /// Where its registers are.
    pub fn address(&self) -> u64 {
        DEVICES_BASE + self.index as u64 * REGION_BYTES
    }

    /// The number of its interrupt.
    pub fn interrupt_number(&self) -> u32 {
        FIRST_INTERRUPT + u32::try_from(self.index).unwrap_or(0)
    }
}

/// Why a machine's devices can't be made.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// There are too many.
    #[error("a machine has at most {MOST_DEVICES} devices, not {0}")]
    TooMany(usize),
    /// The host is out of something.
    #[error("cannot make a device")]
    Host(#[from] io::Error),
    /// The snapshot is not of such a machine.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The devices of a machine. They stand still until [`Self::resume`], and end when this is dropped.
#[derive(Debug)]
pub struct DeviceBus {
    slots: Vec<Arc<Slot>>,
    workers: Vec<Worker>,
}

impl DeviceBus {
    /// Devices at power on, in this order.
    ///
    /// # Errors
    /// When there are too many or the host is out of something.
    pub fn new(parts: Vec<DevicePart>, memory: &GuestMemory) -> Result<Self, BusError> {
        if parts.len() > MOST_DEVICES {
            return Err(BusError::TooMany(parts.len()));
        }
        let devices = parts.into_iter().map(DevicePart::into_device);
        Ok(Self::of(devices.collect(), memory)?)
    }

    pub(super) fn of(devices: Vec<Box<dyn Device>>, memory: &GuestMemory) -> io::Result<Self> {
        let slots = devices.into_iter().map(|device| Slot::new(device, memory.clone()));
        let slots: Vec<Arc<Slot>> =
            slots.map(|slot| slot.map(Arc::new)).collect::<io::Result<_>>()?;
        let workers = slots.iter().map(|slot| Worker::start(Arc::clone(slot)));
        Ok(Self { workers: workers.collect::<io::Result<_>>()?, slots })
    }

    /// Devices as they were saved, with new counterparts on the host. They stand still.
    ///
    /// # Errors
    /// When the parts are not those of the saved machine, a state can't be, or the host is out of something.
    pub fn restore(
        states: Vec<DeviceState>,
        parts: Vec<DevicePart>,
        memory: &GuestMemory,
    ) -> Result<Self, BusError> {
        let bus = Self::new(parts, memory)?;
        if states.len() != bus.slots.len() {
            let place = states.len().min(bus.slots.len());
            let found = states.get(place).map(DeviceState::kind);
            let expected = bus.slots.get(place).map(|slot| slot.kind());
            return Err(StateError::Kind { found, expected }.into());
        }
        for (slot, state) in bus.slots.iter().zip(states) {
            slot.restore(state)?;
        }
        Ok(bus)
    }

    /// What KVM must know, in order.
    pub fn slots(&self) -> impl Iterator<Item = DeviceSlot<'_>> {
        self.slots.iter().enumerate().map(|(index, slot)| DeviceSlot {
            index,
            kind: slot.kind(),
            interrupt: slot.interrupt().event(),
            calls: slot.calls(),
        })
    }

    /// A virtual processor reads at this distance from [`DEVICES_BASE`]. Where nothing is, it reads zeros.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        match self.at(offset) {
            Some(slot) => slot.read(offset % REGION_BYTES, data),
            None => data.fill(0),
        }
    }

    /// A virtual processor writes at this distance from [`DEVICES_BASE`].
    pub fn write(&self, offset: u64, data: &[u8]) {
        if let Some(slot) = self.at(offset) {
            slot.write(offset % REGION_BYTES, data);
        }
    }

    fn at(&self, offset: u64) -> Option<&Slot> {
        let index = usize::try_from(offset / REGION_BYTES).ok()?;
        self.slots.get(index).map(AsRef::as_ref)
    }

    /// When this returns, no device touches the guest's memory any more.
    pub fn pause(&self) {
        self.slots.iter().for_each(|slot| slot.pause());
    }

    /// Lets them work.
    pub fn resume(&self) {
        self.slots.iter().for_each(|slot| slot.resume());
    }

    /// Ends their threads for good; answers those that have not ended by then and are left alone.
    pub fn stop(&self, until: Instant) -> Vec<Kind> {
        self.workers.iter().for_each(Worker::tell_to_end);
        self.workers.iter().filter_map(|worker| worker.end(until).err()).collect()
    }

    /// Lets every device work once on this thread, whether or not the machine stands still.
    #[cfg(any(test, fuzzing))]
    pub(super) fn work_for_tests(&self) {
        for slot in &self.slots {
            slot.resume();
            let _outlook = slot.work();
        }
        self.pause();
    }

    /// Whether a device is not at work now.
    #[cfg(test)]
    pub(super) fn is_idle_for_tests(&self, index: usize) -> bool {
        self.slots.get(index).is_some_and(|slot| slot.is_idle_for_tests())
    }

    /// For a snapshot, while they stand still.
    pub fn save(&self) -> Vec<DeviceState> {
        self.slots.iter().map(|slot| slot.save()).collect()
    }
}

impl Drop for DeviceBus {
    fn drop(&mut self) {
        self.stop(Instant::now() + LONGEST_STOP);
    }
}
