//! What a guest is told its processors can do (CPUID): what KVM offers on this host, and each processor's own number.

use crate::kvm::error::MachineError;
use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES, kvm_cpuid_entry2};
use kvm_ioctls::{Cap, Kvm};

/// Leaf 1, register c: the guest runs under a hypervisor.
const HYPERVISOR: u32 = 1 << 31;

/// Leaf 1, register c: timer by a point in time.
const DEADLINE_TIMER: u32 = 1 << 24;

/// Leaf 1, register d: there is more than one processor.
const SEVERAL: u32 = 1 << 28;

/// Leaf 1, register c, and leaf 7, register c: the guest has turned something on. Says nothing of the host.
const TURNED_ON: [u32; 2] = [1 << 27, 1 << 4];

/// What KVM offers here, the same for all processors.
pub(crate) fn features_for(kvm: &Kvm, processors: u8, index: u8) -> Result<CpuId, MachineError> {
    let mut features = offered(kvm)?;
    let deadline = kvm.check_extension(Cap::TscDeadlineTimer);
    for entry in features.as_mut_slice() {
        adapt(entry, processors, index, deadline);
    }
    Ok(features)
}

fn offered(kvm: &Kvm) -> Result<CpuId, MachineError> {
    kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
        .map_err(MachineError::system("ask KVM what processors can do"))
}

fn adapt(entry: &mut kvm_cpuid_entry2, processors: u8, index: u8, deadline: bool) {
    match entry.function {
        1 => {
            entry.ecx |= HYPERVISOR;
            if deadline {
                entry.ecx |= DEADLINE_TIMER;
            }
            if processors > 1 {
                entry.edx |= SEVERAL;
            }
            entry.ebx = entry.ebx & 0xffff | u32::from(processors) << 16 | u32::from(index) << 24;
        }
        0xb | 0x1f => topology(entry, processors, index),
        _ => {}
    }
}

/// One package of cores with one thread each.
fn topology(entry: &mut kvm_cpuid_entry2, processors: u8, index: u8) {
    entry.edx = u32::from(index);
    let (shift, count, kind) = match entry.index {
        0 => (0, 1, 1),
        1 => (u32::from(processors).next_power_of_two().trailing_zeros(), u32::from(processors), 2),
        _ => (0, 0, 0),
    };
    entry.eax = shift;
    entry.ebx = count;
    entry.ecx = entry.index | kind << 8;
}

/// What a guest was told that this host can't do: names of registers, empty where the guest can go on here.
pub(crate) fn missing_features(kvm: &Kvm, told: &CpuId) -> Result<Vec<String>, MachineError> {
    let offered = offered(kvm)?;
    let mut missing = Vec::new();
    for entry in told.as_slice() {
        let here = offered
            .as_slice()
            .iter()
            .find(|o| (o.function, o.index) == (entry.function, entry.index));
        let here = here.copied().unwrap_or_default();
        for (register, wanted, given) in feature_words(entry, &here) {
            if wanted & !given != 0 {
                missing.push(format!(
                    "{register} of leaf {:#x}: {:#x}",
                    entry.function,
                    wanted & !given
                ));
            }
        }
    }
    Ok(missing)
}

/// The registers of a leaf whose bits are promises, without those that are ours.
fn feature_words(
    told: &kvm_cpuid_entry2,
    here: &kvm_cpuid_entry2,
) -> Vec<(&'static str, u32, u32)> {
    match told.function {
        1 => vec![
            ("ecx", told.ecx & !(HYPERVISOR | DEADLINE_TIMER | TURNED_ON[0]), here.ecx),
            ("edx", told.edx & !SEVERAL, here.edx),
        ],
        7 if told.index == 0 => {
            vec![
                ("ebx", told.ebx, here.ebx),
                ("ecx", told.ecx & !TURNED_ON[1], here.ecx),
                ("edx", told.edx, here.edx),
            ]
        }
        0x8000_0001 => vec![("ecx", told.ecx, here.ecx), ("edx", told.edx, here.edx)],
        _ => Vec::new(),
    }
}
