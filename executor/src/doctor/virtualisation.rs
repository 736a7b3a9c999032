//! Whether /dev/kvm is good for virtual machines: it opens, a machine can be made, and its ring 0 runs at native speed.
//! On hosts that emulate ring 0 a stock kernel dies of old age while it boots.

use super::{Check, Group, Verdict};
use crate::kvm::{Probe, probe};

/// Instructions a second below which ring 0 is emulated. Emulation manages about a million, the slowest hardware a
/// hundred times that.
const NATIVE_INSTRUCTIONS_PER_SECOND: u64 = 50_000_000;

pub(super) fn examine() -> Check {
    let check =
        |found: String| Check::works(Group::Virtualisation, "/dev/kvm", "virtual machines", found);
    let limited = |found: String, advice: &str| check(found).lacking(Verdict::Limited, advice);
    match probe() {
        Probe::Absent(reason) => limited(
            reason,
            "load the module (`modprobe kvm_intel` or `kvm_amd`), enable virtualisation in the firmware, or nested \
             virtualisation in the hypervisor; machines of namespaces work without",
        ),
        Probe::Closed(reason) => {
            limited(reason, "as root: `usermod -aG kvm USER`, then log in anew")
        }
        Probe::Broken(reason) => limited(reason, "machines of namespaces work without"),
        Probe::Ran { instructions_per_second }
            if instructions_per_second < NATIVE_INSTRUCTIONS_PER_SECOND =>
        {
            limited(
                format!("emulated: ring 0 runs {}", rate(instructions_per_second)),
                "this host has no hardware virtualisation; machines of namespaces work without",
            )
        }
        Probe::Ran { instructions_per_second } => {
            check(format!("native: ring 0 runs {}", rate(instructions_per_second)))
        }
    }
}

/// `1,500 million instructions a second`, in the largest unit that leaves a number.
fn rate(instructions_per_second: u64) -> String {
    match instructions_per_second {
        0..1_000_000 => {
            format!("{} thousand instructions a second", instructions_per_second / 1_000)
        }
        _ => format!("{} million instructions a second", instructions_per_second / 1_000_000),
    }
}
