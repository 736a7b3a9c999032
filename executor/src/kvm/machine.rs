//! A virtual machine: memory, processors and devices, made, started, paused and ended together.
//!
//! Knows nothing of plans, images or agents. Snapshots of it are made and opened in `snapshot/`.

use super::LONGEST_STOP;
use super::acpi;
use super::boot::{self, BootFiles, BootImages};
use super::bus::MachineBus;
use super::console::{Console, ConsoleState, Output, timer_without_speaker};
use super::devices::{CALL_REGISTER_OFFSET, DeviceBus, DevicePart};
use super::error::MachineError;
use super::generation::Generation;
use super::hypervisor::Hypervisor;
use super::layout::{
    GENERATION_INTERRUPT, IDENTITY_MAP, MAX_PROCESSORS, SERIAL_INTERRUPT, TASK_STATE,
};
use super::memory::{GuestMemory, MemorySize, empty_memory};
use super::snapshot::Lineage;
use super::vcpu::{Bus, Control, End, Processor, features_for, prepare_first};
use crate::sys::virtual_machine::{DirtyLog, MachineDescriptor};
use kvm_ioctls::{IoEventAddress, VcpuFd};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Its memory.
    pub memory: MemorySize,
    /// How many processors, from 1 to [`MAX_PROCESSORS`].
    pub processors: usize,
}

/// A machine. Dropping it ends it, and takes no longer than half a minute whatever its threads do: see [`Self::end`].
#[derive(Debug)]
pub struct VirtualMachine {
    /// Before what they use, so that they are gone when it goes.
    processors: Vec<Processor>,
    pub(super) control: Arc<Control>,
    pub(super) console: Arc<Console>,
    pub(super) devices: Arc<DeviceBus>,
    pub(super) generation: Generation,
    pub(super) descriptor: MachineDescriptor,
    pub(super) memory: GuestMemory,
    pub(super) size: MemorySize,
    pub(super) hypervisor: Hypervisor,
    pub(super) lineage: Lineage,
}

/// All that KVM has of a machine: zeros for memory, processors at power on that have no threads yet. It may be made long before
/// anybody knows what the machine is to be.
pub(super) struct Blank {
    hypervisor: Hypervisor,
    pub(super) descriptor: MachineDescriptor,
    pub(super) processors: Vec<VcpuFd>,
    pub(super) memory: GuestMemory,
    pub(super) size: MemorySize,
}

impl Blank {
    /// Memory goes in before the interrupt controllers: the other way round takes ten times as long on some hosts.
    pub(super) fn new(
        hypervisor: Hypervisor,
        shape: Shape,
        log: DirtyLog,
    ) -> Result<Self, MachineError> {
        let Shape { memory: size, processors } = shape;
        if !(1..=MAX_PROCESSORS).contains(&processors) {
            return Err(MachineError::Processors(processors));
        }
        let memory = empty_memory(size)?;
        let making = || MachineError::system("make a virtual machine");
        let descriptor =
            MachineDescriptor::new(&hypervisor.kvm, memory.clone(), log).map_err(making())?;
        let prepare = || -> Result<Vec<VcpuFd>, kvm_ioctls::Error> {
            descriptor.set_tss_address(TASK_STATE)?;
            descriptor.set_identity_map_address(IDENTITY_MAP)?;
            descriptor.create_irq_chip()?;
            descriptor.create_pit2(timer_without_speaker())?;
            (0..processors).map(|index| descriptor.create_vcpu(index as u64)).collect()
        };
        let processors = prepare().map_err(|error| making()(error.into()))?;
        Ok(Self { hypervisor, descriptor, processors, memory, size })
    }

    pub(super) fn shape(&self) -> Shape {
        Shape { memory: self.size, processors: self.processors.len() }
    }

    /// Gives it devices, a serial line and threads. It stands still.
    pub(super) fn assemble(
        self,
        devices: DeviceBus,
        console: Console,
    ) -> Result<VirtualMachine, MachineError> {
        let generation = Generation::new(&self.memory)?;
        connect(&self.descriptor, &devices, &console, &generation)
            .map_err(MachineError::system("connect a machine's devices"))?;
        let (devices, console) = (Arc::new(devices), Arc::new(console));
        let control = Arc::new(Control::paused(self.processors.len()));
        let bus: Arc<dyn Bus> = Arc::new(MachineBus {
            console: Arc::clone(&console),
            devices: Arc::clone(&devices),
            control: Arc::clone(&control),
        });
        let mut machine = VirtualMachine {
            processors: Vec::new(),
            control,
            console,
            devices,
            generation,
            descriptor: self.descriptor,
            memory: self.memory,
            size: self.size,
            hypervisor: self.hypervisor,
            lineage: Lineage::default(),
        };
        for (index, processor) in self.processors.into_iter().enumerate() {
            let control = Arc::clone(&machine.control);
            machine.processors.push(Processor::start(index, processor, control, Arc::clone(&bus))?);
        }
        Ok(machine)
    }
}

/// Makes the devices' events interrupts, and the guest's calls their events: neither needs a thread of ours.
fn connect(
    machine: &MachineDescriptor,
    devices: &DeviceBus,
    console: &Console,
    generation: &Generation,
) -> Result<(), kvm_ioctls::Error> {
    machine.register_irqfd(console.interrupt(), SERIAL_INTERRUPT)?;
    machine.register_irqfd(generation.interrupt(), GENERATION_INTERRUPT)?;
    for slot in devices.slots() {
        machine.register_irqfd(slot.interrupt, slot.interrupt_number())?;
        let calls = IoEventAddress::Mmio(slot.address() + CALL_REGISTER_OFFSET);
        for (queue, call) in (0_u32..).zip(slot.calls) {
            machine.register_ioevent(call, &calls, queue)?;
        }
    }
    Ok(())
}

impl VirtualMachine {
    /// Boots a kernel.
    ///
    /// # Errors
    /// When KVM makes no such machine or the files are no kernel.
    pub fn boot(
        shape: Shape,
        files: &BootFiles<'_>,
        parts: Vec<DevicePart>,
        output: Output,
    ) -> Result<Self, MachineError> {
        Self::boot_with(Hypervisor::open()?, shape, &files.open()?, parts, output)
    }

    /// The same with what is open already.
    pub(super) fn boot_with(
        hypervisor: Hypervisor,
        shape: Shape,
        images: &BootImages,
        parts: Vec<DevicePart>,
        output: Output,
    ) -> Result<Self, MachineError> {
        let blank = Blank::new(hypervisor, shape, DirtyLog::Off)?;
        let (memory, size) = (blank.memory.clone(), blank.size);
        let count = u8::try_from(shape.processors).unwrap_or(u8::MAX);
        let acpi_pointer = acpi::write_tables(&memory, count, parts.len())?;
        let entry = boot::load(&memory, size, images, acpi_pointer)?;
        for (index, processor) in (0..count).zip(&blank.processors) {
            let features = features_for(&blank.hypervisor.kvm, count, index)?;
            processor
                .set_cpuid2(&features)
                .map_err(MachineError::system("tell a processor its features"))?;
        }
        if let Some(first) = blank.processors.first() {
            prepare_first(first, entry)?;
        }
        let devices = DeviceBus::new(parts, &memory)?;
        let machine = blank.assemble(devices, Console::new(output, &ConsoleState::default())?)?;
        machine.resume();
        Ok(machine)
    }

    /// Lets it run on, unless it has ended.
    pub fn resume(&self) {
        self.devices.resume();
        self.control.run_all();
    }

    /// When this returns, no instruction of the guest runs and no device reaches its memory until [`Self::resume`].
    ///
    /// # Errors
    /// When it has ended, or a processor doesn't stop; then it runs on.
    pub fn pause(&self) -> Result<(), MachineError> {
        let until = Instant::now() + LONGEST_STOP;
        Processor::pause_all(&self.processors, &self.control, until)?;
        self.devices.pause();
        Ok(())
    }

    /// Types on its serial line.
    pub fn type_in(&self, bytes: &[u8]) {
        self.console.type_in(bytes);
    }

    /// How it ended, if it has within this time.
    pub fn wait_for_end(&self, longest: Duration) -> Option<End> {
        self.control.wait_for_end(longest)
    }

    /// Its processors, by number.
    pub(super) fn processors(&self) -> &[Processor] {
        &self.processors
    }
}

impl VirtualMachine {
    /// Ends it, and waits for its threads.
    ///
    /// # Errors
    /// When one of them does not stop in time. It is left alone, with the memory it may still touch.
    pub fn end(mut self) -> Result<(), MachineError> {
        self.stop()
    }

    /// The second time there is nothing left to stop.
    fn stop(&mut self) -> Result<(), MachineError> {
        let processors = std::mem::take(&mut self.processors);
        if processors.is_empty() {
            return Ok(());
        }
        let until = Instant::now() + LONGEST_STOP;
        self.control.end(End::Stopped);
        let brought_out = Processor::bring_out(&processors, &self.control, until);
        let ended = processors.into_iter().map(|processor| processor.end(until));
        let ended = ended.collect::<Vec<_>>().into_iter().collect::<Result<(), _>>();
        let still = self.devices.stop(until).into_iter().next();
        let devices = still.map_or(Ok(()), |kind| {
            Err(MachineError::Stuck { what: format!("{kind:?} device").to_lowercase() })
        });
        brought_out.and(ended).and(devices)
    }
}

impl Drop for VirtualMachine {
    fn drop(&mut self) {
        // Whoever wants to know of threads that are stuck asks before.
        let _ = self.stop();
    }
}
