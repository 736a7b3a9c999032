//! What it costs to make, keep, restore and multiply a virtual machine, measured with a guest that runs in ring 3 alone:
//! it runs at full speed on every /dev/kvm, also on those that emulate ring 0.

use crate::clock::{median, milliseconds};
use crate::table::{Goal, Table, Unit};
use layerc_executor::kvm::devices::DevicePart;
use layerc_executor::kvm::{BootFiles, MemorySize, Shape, Snapshot, VirtualMachine};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tempfile::TempDir;

const ROUNDS: usize = 30;

/// Longest wait for a guest that must say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends each byte that a guest prints.
struct Bytes(Sender<u8>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            // Nobody listens any more: the figure is taken.
            let _ = self.0.send(*byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shape(mebibytes: u64) -> Shape {
    Shape { memory: MemorySize::from_bytes(mebibytes << 20).expect("a size"), processors: 1 }
}

fn boot(payload: &Path, mebibytes: u64) -> (VirtualMachine, Receiver<u8>) {
    let (sender, bytes) = channel();
    let files = BootFiles { kernel: payload, initramfs: None, command_line: "" };
    let parts = vec![DevicePart::Entropy];
    let machine = VirtualMachine::boot(shape(mebibytes), &files, parts, Box::new(Bytes(sender)));
    (machine.expect("the guest starts"), bytes)
}

/// From nothing until the guest of the snapshot has run on.
fn restore(snapshot: &Snapshot) -> f64 {
    let (elapsed, machine) = milliseconds(|| {
        let (sender, bytes) = channel();
        let machine = snapshot
            .restore(vec![DevicePart::Entropy], Box::new(Bytes(sender)))
            .expect("the guest is restored");
        machine.resume();
        wait_for(&bytes, 1);
        machine
    });
    drop(machine);
    elapsed
}

fn wait_for(bytes: &Receiver<u8>, count: usize) {
    for _ in 0..count {
        bytes.recv_timeout(PATIENCE).expect("the guest runs");
    }
}

/// Dots for all of the 16 MiB.
const ROUND_OF_MEMORY: usize = 256;

pub(crate) fn measure(table: &mut Table) {
    let what = "virtual machines";
    if !Path::new("/dev/kvm").exists() {
        table.unmeasured(what, "there is no /dev/kvm here");
        return;
    }
    let directory = TempDir::new().expect("a temporary directory");
    match payload(directory.path()) {
        Ok(payload) => {
            restores(table, &payload, directory.path());
            snapshots(table, &payload, directory.path());
        }
        Err(reason) => table.unmeasured(what, &reason),
    }
}

fn payload(directory: &Path) -> Result<PathBuf, String> {
    let payload = directory.join("payload");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/machines/payload.S");
    let mut gcc = Command::new("gcc");
    gcc.args(["-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0x200000,--build-id=none", "-o"])
        .arg(&payload)
        .arg(source);
    match gcc.status() {
        Ok(status) if status.success() => Ok(payload),
        outcome => Err(format!("gcc can't assemble the guest: {outcome:?}")),
    }
}

fn restores(table: &mut Table, payload: &Path, directory: &Path) {
    let mut medians = Vec::new();
    for mebibytes in [256, 512, 2048, 8192] {
        let (mut machine, bytes) = boot(payload, mebibytes);
        wait_for(&bytes, 2 * ROUND_OF_MEMORY);
        let name = format!("size{mebibytes}");
        machine.snapshot(directory, &name).expect("a snapshot");
        drop(machine);
        let snapshot = Snapshot::open(&directory.join(name)).expect("it opens");
        let taken = median((0..ROUNDS).map(|_| restore(&snapshot)).collect());
        medians.push(taken);
        let what = format!(
            "restore a machine of {mebibytes} MiB (fork: another one of the same snapshot)"
        );
        let goal = if mebibytes == 512 { 3.0 } else { 15.0 };
        table.figure(&what, taken, Unit::Milliseconds, Goal::AtMost(goal));
    }
    let (least, most) = (
        medians.iter().copied().fold(f64::MAX, f64::min),
        medians.iter().copied().fold(0.0, f64::max),
    );
    table.figure(
        "the slowest of these sizes against the fastest",
        most / least,
        Unit::Times,
        Goal::AtMost(1.2),
    );
}

fn snapshots(table: &mut Table, payload: &Path, directory: &Path) {
    let (mut machine, bytes) = boot(payload, 1536);
    wait_for(&bytes, ROUND_OF_MEMORY);
    let first = machine.snapshot(directory, "first").expect("a snapshot");
    let (mut pauses, mut wholes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        while bytes.try_recv().is_ok() {}
        wait_for(&bytes, ROUND_OF_MEMORY);
        let (whole, taken) = milliseconds(|| {
            machine.snapshot(directory, &format!("round{round}")).expect("a snapshot")
        });
        pauses.push(taken.paused.as_secs_f64() * 1_000.0);
        wholes.push(whole);
    }
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    table.figure(
        "1.5 GiB: the first snapshot's pause",
        milliseconds(first.paused),
        Unit::Milliseconds,
        Goal::None,
    );
    let shares = pauses.iter().zip(&wholes).map(|(pause, whole)| pause / whole);
    let share = median(shares.collect());
    table.figure(
        "1.5 GiB, 16 MiB written since the last: a snapshot's pause",
        median(pauses),
        Unit::Milliseconds,
        Goal::AtMost(25.0),
    );
    table.figure("the same: all of it", median(wholes), Unit::Milliseconds, Goal::None);
    table.figure("the same: the pause of all of it", share, Unit::Times, Goal::AtMost(0.25));
    let last = format!("round{}", ROUNDS - 1);
    let chain = Snapshot::open(&directory.join(last)).expect("it opens");
    table.figure(
        "restore a machine from the end of that chain",
        median((0..ROUNDS).map(|_| restore(&chain)).collect()),
        Unit::Milliseconds,
        Goal::AtMost(15.0),
    );
}
