//! Whether virtual machines are taken where the user leaves that open: only where they are sure to be as fast as the
//! processor and able to do all that the plan asks for. Pure: what is known of the host is handed in.

use crate::backend::ExecutorKind;
use crate::kvm::Probe;

/// What was taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What.
    pub kind: ExecutorKind,
    /// Why, as the end of a sentence.
    pub reason: String,
}

/// Chooses. `obstacles` are what else speaks against virtual machines, a sentence each.
pub fn choose(probe: &Probe, obstacles: &[String]) -> Choice {
    let overlay = |reason: String| Choice { kind: ExecutorKind::Overlay, reason };
    match (probe, obstacles.first()) {
        (Probe::Absent(reason) | Probe::Closed(reason) | Probe::Broken(reason), _) => {
            overlay(format!("no virtual machines: /dev/kvm: {reason}"))
        }
        (Probe::Ran { .. }, _) if !probe.is_native() => overlay(
            "no virtual machines: /dev/kvm emulates ring 0 here, in which no kernel boots in time"
                .to_owned(),
        ),
        (Probe::Ran { .. }, Some(obstacle)) => overlay(obstacle.clone()),
        (Probe::Ran { .. }, None) => Choice {
            kind: ExecutorKind::Kvm,
            reason: "the processor runs virtual machines here".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_machines_are_taken_only_where_everything_speaks_for_them() {
        let ran = |instructions_per_second| Probe::Ran { instructions_per_second };
        let native = ran(2_000_000_000);
        assert_eq!(choose(&native, &[]).kind, ExecutorKind::Kvm);
        let obstacle = "a virtual machine can't start from `host`".to_owned();
        let refused = choose(&native, std::slice::from_ref(&obstacle));
        assert_eq!(refused, Choice { kind: ExecutorKind::Overlay, reason: obstacle });
        let emulated = choose(&ran(1_400_000), &[]);
        assert_eq!(emulated.kind, ExecutorKind::Overlay);
        assert!(emulated.reason.contains("emulates ring 0"), "{emulated:?}");
        let absent = choose(&Probe::Absent("it is not there".to_owned()), &[]);
        assert_eq!(absent.reason, "no virtual machines: /dev/kvm: it is not there");
    }
}
