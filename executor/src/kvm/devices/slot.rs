//! A place on the bus: registers, interrupt and calls around one device of any kind.
//!
//! Two sides meet here. Virtual processors read and write registers; a thread of the device's own works. Whatever
//! both touch is behind one lock, but for the interrupt's status.

use super::device::{Awaited, Device, Kind};
use super::interrupt::{Cause, Interrupt};
use super::phase::Phase;
use super::queues::{More, Queues};
use super::registers::{CONFIGURATION_OFFSET, LAYOUT_VERSION, MAGIC, Register};
use super::state::{DeviceState, StateError};
use super::transport::{Change, Transport};
use crate::kvm::GuestMemory;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Who makes the devices; drivers show it and don't care.
const VENDOR: u32 = 0;

/// Whether a device may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// It may.
    Given,
    /// The machine stands still.
    Withheld,
}

#[derive(Debug)]
struct Inside {
    transport: Transport,
    device: Box<dyn Device>,
    leave: Leave,
}

/// What a slot tells its thread.
pub(super) struct Outlook {
    /// Whether there is more to do at once.
    pub(super) more: More,
    /// What to wait for besides the driver's calls.
    pub(super) awaited: Vec<Awaited>,
}

/// One device on the bus.
#[derive(Debug)]
pub(super) struct Slot {
    kind: Kind,
    memory: GuestMemory,
    interrupt: Interrupt,
    calls: Vec<EventFd>,
    /// Rings when the device's phase or leave changed.
    bell: EventFd,
    inside: Mutex<Inside>,
}

impl Slot {
    /// A device at power on, standing still.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub(super) fn new(device: Box<dyn Device>, memory: GuestMemory) -> io::Result<Self> {
        let transport = Transport::new(device.features(), device.queue_sizes())
            .map_err(|error| io::Error::other(error.to_string()))?;
        let calls = device.queue_sizes().iter().map(|_| EventFd::new(EFD_NONBLOCK));
        Ok(Self {
            kind: device.kind(),
            memory,
            interrupt: Interrupt::new()?,
            calls: calls.collect::<io::Result<_>>()?,
            bell: EventFd::new(EFD_NONBLOCK)?,
            inside: Mutex::new(Inside { transport, device, leave: Leave::Withheld }),
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// One event for each queue, by which the driver calls.
    pub(super) fn calls(&self) -> &[EventFd] {
        &self.calls
    }

    pub(super) fn bell(&self) -> &EventFd {
        &self.bell
    }

    /// Makes the device's thread look again.
    pub(super) fn ring(&self) {
        // Only fails when the counter is full, and then it rings already.
        let _full = self.bell.write(1);
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A virtual processor reads `data.len()` bytes. What is not there reads as zeros.
    pub(super) fn read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        if let Some(offset) = offset.checked_sub(CONFIGURATION_OFFSET) {
            return self.read_configuration(offset, data);
        }
        if let Some(register) = Register::at(offset)
            && let Ok(place) = <&mut [u8; 4]>::try_from(data)
        {
            *place = self.register(register).to_le_bytes();
        }
    }

    fn read_configuration(&self, offset: u64, data: &mut [u8]) {
        let configuration = self.inside().device.configuration();
        let begin = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = configuration.get(begin..).unwrap_or_default();
        for (place, byte) in data.iter_mut().zip(there) {
            *place = *byte;
        }
    }

    fn register(&self, register: Register) -> u32 {
        match register {
            Register::Magic => MAGIC,
            Register::LayoutVersion => LAYOUT_VERSION,
            Register::DeviceKind => self.kind.number(),
            Register::Vendor => VENDOR,
            Register::InterruptStatus => self.interrupt.status(),
            Register::DeviceFeatures => self.inside().transport.device_features(),
            Register::QueueSizeLimit => self.inside().transport.queue_size_limit(),
            Register::QueueReady => self.inside().transport.queue_ready(),
            Register::Status => self.inside().transport.status(),
            // A length of all ones: no such region.
            Register::SharedMemory => u32::MAX,
            Register::ConfigurationGeneration
            | Register::DeviceFeaturesSelect
            | Register::DriverFeatures
            | Register::DriverFeaturesSelect
            | Register::QueueSelect
            | Register::QueueSize
            | Register::QueueNotify
            | Register::InterruptAcknowledge
            | Register::QueueAddress(..) => 0,
        }
    }

    /// A virtual processor writes. Configurations can't be written: no device here has one that can.
    pub(super) fn write(&self, offset: u64, data: &[u8]) {
        if let Some(register) = Register::at(offset)
            && let Ok(bytes) = <[u8; 4]>::try_from(data)
        {
            self.set_register(register, u32::from_le_bytes(bytes));
        }
    }

    fn set_register(&self, register: Register, value: u32) {
        match register {
            Register::InterruptAcknowledge => self.interrupt.acknowledge(value),
            Register::QueueNotify => self.call(value),
            Register::Status => self.set_status(value),
            Register::DeviceFeaturesSelect => {
                self.inside().transport.select_device_features(value);
            }
            Register::DriverFeaturesSelect => {
                self.inside().transport.select_driver_features(value);
            }
            Register::DriverFeatures => self.inside().transport.set_driver_features(value),
            Register::QueueSelect => self.inside().transport.select_queue(value),
            Register::QueueSize => self.inside().transport.set_queue_size(value),
            Register::QueueReady => self.inside().transport.set_queue_ready(value),
            Register::QueueAddress(part, half) => {
                self.inside().transport.set_queue_address(part, half, value);
            }
            Register::Magic
            | Register::LayoutVersion
            | Register::DeviceKind
            | Register::Vendor
            | Register::DeviceFeatures
            | Register::QueueSizeLimit
            | Register::InterruptStatus
            | Register::SharedMemory
            | Register::ConfigurationGeneration => {}
        }
    }

    /// Where KVM doesn't turn the write into an event by itself.
    fn call(&self, queue: u32) {
        if let Some(event) = usize::try_from(queue).ok().and_then(|index| self.calls.get(index)) {
            let _full = event.write(1);
        }
    }

    fn set_status(&self, value: u32) {
        let mut inside = self.inside();
        match inside.transport.set_status(value, &self.memory) {
            Change::None => {}
            Change::Reset => {
                inside.device.reset();
                self.interrupt.set_status(0);
            }
            Change::Begin => {
                let agreed = inside.transport.agreed();
                inside.device.begin(agreed);
            }
        }
        drop(inside);
        self.ring();
    }

    /// Lets the device work on what there is. Called from its own thread, or by a test.
    pub(super) fn work(&self) -> Outlook {
        let idle = Outlook { more: More::WhenCalled, awaited: Vec::new() };
        let mut inside = self.inside();
        let Inside { transport, device, leave } = &mut *inside;
        if *leave == Leave::Withheld || transport.phase() != Phase::Running {
            return idle;
        }
        let mut queues = Queues::new(&self.memory, transport.queues_mut(), &self.interrupt);
        let worked = device.work(&mut queues);
        let more = queues.finish();
        if worked.is_err() {
            transport.break_down();
            self.interrupt.raise(Cause::Configuration);
            return idle;
        }
        Outlook { more, awaited: device.awaited() }
    }

    /// The device stands still when this returns, between two requests.
    pub(super) fn pause(&self) {
        self.inside().leave = Leave::Withheld;
    }

    /// The device goes on with what there is, and the driver hears again what it may have missed.
    pub(super) fn resume(&self) {
        self.inside().leave = Leave::Given;
        self.interrupt.raise_again();
        self.ring();
    }

    /// Whether nobody holds it now.
    #[cfg(test)]
    pub(super) fn is_idle_for_tests(&self) -> bool {
        self.inside.try_lock().is_ok()
    }

    /// For a snapshot, while it stands still.
    pub(super) fn save(&self) -> DeviceState {
        let inside = self.inside();
        let registers = inside.transport.save(self.interrupt.status());
        DeviceState::new(registers, inside.device.save())
    }

    /// Becomes what was saved, and stands still.
    ///
    /// # Errors
    /// When it can't have been this device.
    pub(super) fn restore(&self, state: DeviceState) -> Result<(), StateError> {
        state.check_version()?;
        if state.kind() != self.kind {
            let (found, expected) = (Some(state.kind()), Some(self.kind));
            return Err(StateError::Kind { found, expected });
        }
        let mut inside = self.inside();
        inside.transport.restore(&state.registers, &self.memory)?;
        self.interrupt.set_status(state.registers.interrupt_status);
        let agreed = inside.transport.agreed();
        if inside.transport.phase() == Phase::Running {
            inside.device.begin(agreed);
        }
        inside.device.restore(state.data)
    }
}
