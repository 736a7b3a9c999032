//! The whole state of a paused processor, read from KVM and given back to it, in the orders that KVM needs.

use crate::kvm::error::MachineError;
use crate::sys::virtual_machine::set_extended_registers;
use kvm_bindings::{
    CpuId, KVM_MAX_CPUID_ENTRIES, Msrs, kvm_cpuid_entry2, kvm_debugregs, kvm_lapic_state,
    kvm_mp_state, kvm_msr_entry, kvm_regs, kvm_sregs, kvm_vcpu_events, kvm_xcrs, kvm_xsave,
};
use kvm_ioctls::{Kvm, VcpuFd};
use serde::{Deserialize, Serialize};

/// Point in time at which the local timer fires next.
const TIMER_DEADLINE: u32 = 0x6e0;

/// The processor's clock.
const CLOCK: u32 = 0x10;

/// Most model-specific registers of a state: what KVM takes in one call.
const MAX_REGISTERS: usize = kvm_bindings::KVM_MAX_MSR_ENTRIES;

/// Everything a processor is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProcessorState {
    features: Vec<kvm_cpuid_entry2>,
    clock_kilohertz: u32,
    running: kvm_mp_state,
    general: kvm_regs,
    special: kvm_sregs,
    extended_control: kvm_xcrs,
    extended: Box<kvm_xsave>,
    debug: kvm_debugregs,
    local_interrupts: kvm_lapic_state,
    model_specific: Vec<kvm_msr_entry>,
    events: kvm_vcpu_events,
}

impl ProcessorState {
    /// What the guest was told its processor can do.
    pub(crate) fn features(&self) -> Result<CpuId, MachineError> {
        CpuId::from_entries(&self.features).map_err(|_| {
            MachineError::Processor("a snapshot has more of its features than KVM knows".to_owned())
        })
    }
}

fn failed<T>(what: &str, answer: Result<T, kvm_ioctls::Error>) -> Result<T, MachineError> {
    answer.map_err(MachineError::system(what))
}

/// Reads it. The order is KVM's: the running state settles what is pending, so it comes first.
pub(crate) fn save(kvm: &Kvm, processor: &VcpuFd) -> Result<ProcessorState, MachineError> {
    let what = "read a processor's state";
    let running = failed(what, processor.get_mp_state())?;
    let features = failed(what, processor.get_cpuid2(KVM_MAX_CPUID_ENTRIES))?;
    Ok(ProcessorState {
        features: features.as_slice().to_vec(),
        clock_kilohertz: processor.get_tsc_khz().unwrap_or(0),
        running,
        general: failed(what, processor.get_regs())?,
        special: failed(what, processor.get_sregs())?,
        extended_control: failed(what, processor.get_xcrs())?,
        extended: Box::new(failed(what, processor.get_xsave())?),
        debug: failed(what, processor.get_debug_regs())?,
        local_interrupts: failed(what, processor.get_lapic())?,
        model_specific: model_specific(kvm, processor)?,
        events: failed(what, processor.get_vcpu_events())?,
    })
}

/// Gives it to a processor that was just made.
pub(crate) fn restore(processor: &VcpuFd, state: &ProcessorState) -> Result<(), MachineError> {
    let what = "set a processor's state";
    failed(what, processor.set_cpuid2(&state.features()?))?;
    // Where clocks can't be scaled they run as fast as they do here.
    if processor.get_tsc_khz().is_ok_and(|here| here != state.clock_kilohertz) {
        let _ = processor.set_tsc_khz(state.clock_kilohertz);
    }
    failed(what, processor.set_mp_state(state.running))?;
    failed(what, processor.set_regs(&state.general))?;
    failed(what, processor.set_sregs(&state.special))?;
    failed(what, processor.set_xcrs(&state.extended_control))?;
    set_extended_registers(processor, &state.extended).map_err(MachineError::system(what))?;
    failed(what, processor.set_debug_regs(&state.debug))?;
    failed(what, processor.set_lapic(&state.local_interrupts))?;
    set_model_specific(processor, &state.model_specific)?;
    failed(what, processor.set_vcpu_events(&state.events))
}

/// All that KVM lists and this processor has.
fn model_specific(kvm: &Kvm, processor: &VcpuFd) -> Result<Vec<kvm_msr_entry>, MachineError> {
    let what = "list a processor's registers";
    let known = failed(what, kvm.get_msr_index_list())?;
    let mut wanted: Vec<_> = known
        .as_slice()
        .iter()
        .map(|index| kvm_msr_entry { index: *index, ..kvm_msr_entry::default() })
        .collect();
    let mut found = Vec::new();
    while !wanted.is_empty() {
        let part: Vec<_> = wanted.drain(..wanted.len().min(MAX_REGISTERS)).collect();
        let mut msrs =
            Msrs::from_entries(&part).map_err(|_| MachineError::Processor(what.to_owned()))?;
        // KVM stops at the first that it can't read: that one is left out.
        let read = failed(what, processor.get_msrs(&mut msrs))?;
        found.extend(msrs.as_slice().iter().take(read).copied());
        wanted.extend(part.into_iter().skip(read + 1));
    }
    in_order(&mut found);
    Ok(found)
}

/// The clock first, for others count from it; the timer last, for it needs the clock. A timer that was off has to be
/// set to something: to now, since a lost interrupt hangs a guest and one too many does not.
fn in_order(registers: &mut [kvm_msr_entry]) {
    let place = |registers: &[kvm_msr_entry], index| {
        registers.iter().position(|entry| entry.index == index)
    };
    let clock = place(registers, CLOCK);
    if let Some(to_the_clock) = clock.and_then(|clock| registers.get_mut(..=clock)) {
        to_the_clock.rotate_right(1);
    }
    let timer = place(registers, TIMER_DEADLINE);
    if let Some(from_the_timer) = timer.and_then(|timer| registers.get_mut(timer..)) {
        from_the_timer.rotate_left(1);
    }
    let now = registers.iter().find(|entry| entry.index == CLOCK).map(|entry| entry.data);
    if let Some((timer, now)) =
        registers.iter_mut().find(|entry| entry.index == TIMER_DEADLINE).zip(now)
        && timer.data == 0
    {
        timer.data = now;
    }
}

/// KVM stops at the first that it can't set: some can only be read, which is no loss.
fn set_model_specific(processor: &VcpuFd, registers: &[kvm_msr_entry]) -> Result<(), MachineError> {
    let what = "set a processor's registers";
    let mut left = registers;
    while !left.is_empty() {
        let part = left.get(..MAX_REGISTERS).unwrap_or(left);
        let msrs =
            Msrs::from_entries(part).map_err(|_| MachineError::Processor(what.to_owned()))?;
        let set = failed(what, processor.set_msrs(&msrs))?;
        left = left.get(set + usize::from(set < part.len())..).unwrap_or_default();
    }
    Ok(())
}
