//! A guest of the tests: Debian's kernel with a shell on its serial line.

use crate::place::PARTS;
use crate::printed::Printed;
use layerc_executor::kvm::devices::DevicePart;
use layerc_executor::kvm::guest::KERNEL_PARAMETERS;
use layerc_executor::kvm::{BootFiles, MemorySize, Shape, Snapshot, VirtualMachine};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest wait for something that must come. The lab is slow where the machine below it is busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// Takes the text up to a line that begins with `mark`, which it waits for; answers the text and the line's rest.
fn take_until(printed: &Printed, mark: &str, machine: &VirtualMachine) -> (String, String) {
    let until = Instant::now() + PATIENCE;
    printed.wait(|text| {
        if let Some((before, rest)) = split_at_line(text, mark) {
            let taken = (before.to_owned(), rest.to_owned());
            let end = before.len() + mark.len() + rest.len() + 1;
            text.drain(..end);
            return Some(taken);
        }
        let end = machine.wait_for_end(Duration::ZERO);
        assert!(
            Instant::now() < until && end.is_none(),
            "no line {mark:?} came, and the machine's end is {end:?}; printed so far:\n{text}"
        );
        None
    })
}

fn split_at_line<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let start = text
        .match_indices(mark)
        .map(|(at, _)| at)
        .find(|at| *at == 0 || text[..*at].ends_with('\n'))?;
    let rest = &text[start + mark.len()..];
    Some((&text[..start], &rest[..rest.find('\n')?]))
}

/// A running guest.
pub(crate) struct Guest {
    pub(crate) machine: VirtualMachine,
    printed: Printed,
}

/// A part of the lab.
pub(crate) fn part(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(PARTS).expect("only cases ask")).join(name)
}

pub(crate) fn shape(mebibytes: u64, processors: usize) -> Shape {
    Shape { memory: MemorySize::from_bytes(mebibytes << 20).unwrap(), processors }
}

/// The devices of most guests here.
pub(crate) fn plain_parts() -> Vec<DevicePart> {
    vec![DevicePart::Entropy, DevicePart::Balloon]
}

impl Guest {
    /// Boots until the shell is there; answers what it says of the machine.
    pub(crate) fn boot(shape: Shape, parts: Vec<DevicePart>) -> (Self, String) {
        let printed = Printed::default();
        let (kernel, initramfs) = (part("vmlinuz"), part("initramfs"));
        let files = BootFiles {
            kernel: &kernel,
            initramfs: Some(&initramfs),
            command_line: &format!("console=ttyS0 quiet {KERNEL_PARAMETERS}"),
        };
        let machine = VirtualMachine::boot(shape, &files, parts, printed.output()).unwrap();
        let (_, ready) = take_until(&printed, "READY ", &machine);
        (Self { machine, printed }, ready)
    }

    /// A copy of a machine that was at its shell. It stands still.
    pub(crate) fn restore(snapshot: &Snapshot, parts: Vec<DevicePart>) -> Self {
        let printed = Printed::default();
        Self { machine: snapshot.restore(parts, printed.output()).unwrap(), printed }
    }

    /// Runs a line in its shell; answers what it printed. It must succeed.
    pub(crate) fn run(&self, line: &str) -> String {
        self.machine.type_in(format!("{line}\n").as_bytes());
        let (text, status) = take_until(&self.printed, "DONE ", &self.machine);
        assert_eq!(status, "0", "{line}: {text}");
        text.trim_end().to_owned()
    }
}
