//! Whether /dev/kvm is good for virtual machines: it opens, a machine can be made, and its ring 0 runs at native speed.
//! On hosts that emulate ring 0 a stock kernel dies of old age while it boots.

use super::{Check, Group, Verdict};
use crate::kvm::{Probe, probe};
use std::path::Path;

pub(super) fn examine(store_directory: Option<&Path>) -> Vec<Check> {
    vec![device(), kernel(store_directory)]
}

/// What virtual machines boot unless somebody names another.
#[cfg(target_arch = "x86_64")]
fn kernel(store_directory: Option<&Path>) -> Check {
    use crate::kvm::backend::{KernelChoice, kernels_of};
    let check = |found| {
        Check::works(Group::Virtualisation, "a kernel for guests", "`--executor kvm`", found)
    };
    match KernelChoice::Newest.find(store_directory.map(kernels_of).as_deref()) {
        Ok(kernel) => check(kernel.image.display().to_string()),
        Err(_) => check("none in the store, none in /boot with its modules".to_owned()).lacking(
            Verdict::Limited,
            "`layerc image kernel` fetches one into the store; or name one with `--kernel FILE`",
        ),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn kernel(_: Option<&Path>) -> Check {
    let found = "virtual machines are made on x86-64 only".to_owned();
    Check::works(Group::Virtualisation, "a kernel for guests", "`--executor kvm`", found)
        .lacking(Verdict::Limited, "machines of namespaces work without")
}

fn device() -> Check {
    let check =
        |found: String| Check::works(Group::Virtualisation, "/dev/kvm", "virtual machines", found);
    let limited = |found: String, advice: &str| check(found).lacking(Verdict::Limited, advice);
    let probe = probe();
    let is_native = probe.is_native();
    match probe {
        Probe::Absent(reason) => limited(
            reason,
            "load the module (`modprobe kvm_intel` or `kvm_amd`), enable virtualisation in the firmware, or nested \
             virtualisation in the hypervisor; machines of namespaces work without",
        ),
        Probe::Closed(reason) => {
            limited(reason, "as root: `usermod -aG kvm USER`, then log in anew")
        }
        Probe::Broken(reason) => limited(reason, "machines of namespaces work without"),
        Probe::Ran { instructions_per_second } if !is_native => limited(
            format!("emulated: ring 0 runs {}", rate(instructions_per_second)),
            "this host has no hardware virtualisation; machines of namespaces work without",
        ),
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
