//! Everything of a machine but its memory.

use super::map::MemoryMap;
use crate::kvm::console::ConsoleState;
use crate::kvm::devices::DeviceState;
use crate::kvm::error::MachineError;
use crate::kvm::layout::MAX_PROCESSORS;
use crate::kvm::memory::MemorySize;
use crate::kvm::vcpu::ProcessorState;
use crate::sys::virtual_machine::MachineDescriptor;
use kvm_bindings::{
    KVM_IRQCHIP_IOAPIC, KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, kvm_clock_data, kvm_irqchip,
    kvm_pit_state2,
};
use serde::{Deserialize, Serialize};

/// The interrupt controllers for devices, as KVM numbers them.
const CONTROLLERS: [u32; 3] = [KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC];

/// What the state file holds.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::kvm) struct MachineState {
    pub(super) memory_bytes: u64,
    pub(super) processors: Vec<ProcessorState>,
    pub(super) shared: SharedState,
    pub(super) console: ConsoleState,
    pub(super) devices: Vec<DeviceState>,
    pub(super) memory: MemoryMap,
}

impl MachineState {
    /// How much memory it has, or what is wrong with a state that was read.
    pub(super) fn fault(&self) -> Result<MemorySize, &'static str> {
        let size =
            MemorySize::from_bytes(self.memory_bytes).ok_or("no machine has so much memory")?;
        if !(1..=MAX_PROCESSORS).contains(&self.processors.len()) {
            return Err("no machine has so many processors");
        }
        self.memory.fault(size).map_or(Ok(size), Err)
    }

    /// Whether nothing is wrong with it.
    #[cfg(any(test, fuzzing))]
    pub(in crate::kvm) fn is_possible(&self) -> bool {
        self.fault().is_ok()
    }

    /// Its devices.
    #[cfg(any(test, fuzzing))]
    pub(in crate::kvm) fn into_devices(self) -> Vec<DeviceState> {
        self.devices
    }
}

/// What processors share: interrupt controllers, the old timer, KVM's clock.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SharedState {
    controllers: Vec<kvm_irqchip>,
    timer: kvm_pit_state2,
    clock: kvm_clock_data,
}

impl SharedState {
    /// Of a machine that stands still.
    pub(super) fn save(descriptor: &MachineDescriptor) -> Result<Self, MachineError> {
        let read = || -> Result<Self, kvm_ioctls::Error> {
            let controller = |number: &u32| {
                let mut state = kvm_irqchip { chip_id: *number, ..kvm_irqchip::default() };
                descriptor.get_irqchip(&mut state).map(|()| state)
            };
            Ok(Self {
                controllers: CONTROLLERS.iter().map(controller).collect::<Result<_, _>>()?,
                timer: descriptor.get_pit2()?,
                clock: descriptor.get_clock()?,
            })
        };
        read().map_err(MachineError::system("read a machine's interrupt controllers"))
    }

    /// Gives it to a new machine. The guest's clock goes on from where it stood: nothing in it sees a jump.
    pub(super) fn restore(&self, descriptor: &MachineDescriptor) -> Result<(), MachineError> {
        let write = || -> Result<(), kvm_ioctls::Error> {
            self.controllers.iter().try_for_each(|state| descriptor.set_irqchip(state))?;
            descriptor.set_pit2(&self.timer)?;
            let clock = kvm_clock_data { clock: self.clock.clock, ..kvm_clock_data::default() };
            descriptor.set_clock(&clock)
        };
        write().map_err(MachineError::system("set a machine's interrupt controllers"))
    }
}
