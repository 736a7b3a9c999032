//! What is measured where KVM is whole: in the lab, or on this machine. Each figure is a line of the file that the group
//! reads: its name and a number.

use super::firecracker::Firecracker;
use super::marks::Marks;
use super::memory::held_by_descendants;
use super::ours::{Kit, Marked, shape};
use crate::clock::{median, milliseconds};
use layerc_executor::kvm::devices::DevicePart;
use layerc_executor::kvm::{BootFiles, Secrecy, VirtualMachine};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rounds of what takes long, and of what doesn't.
const BOOTS: usize = 4;
const ROUNDS: usize = 9;

/// How many moments of a guest are kept to be restored. At some its kernel has three times as much to do until it is back in
/// its program as at others.
const MOMENTS: usize = 3;

/// Memory of most guests, in MiB.
const USUAL: u64 = 512;

/// Memory of guests that are restored, in MiB.
pub(super) const SIZES: [u64; 4] = [256, 512, 2048, 8192];

/// Snapshots over one another.
const CHAIN: usize = 20;

/// How long a guest is left alone before it is kept to be restored.
const SETTLING: Duration = Duration::from_secs(2);

/// How long guests have to come to rest before it is counted what they hold: what they put off for two seconds is done by then.
const REST: Duration = Duration::from_secs(4);

/// Copies of one machine at once.
const COPIES: usize = 10;

/// What guests boot: a kernel, and first programs that write much, rest, or do neither.
pub(super) struct Guests {
    kernel: PathBuf,
    busy: PathBuf,
    idle: PathBuf,
    eager: PathBuf,
}

impl Guests {
    /// Their names in a directory.
    pub(super) const NAMES: [&str; 4] = ["kernel", "busy", "idle", "eager"];

    pub(super) fn of(directory: &Path) -> Self {
        let [kernel, busy, idle, eager] = Self::NAMES.map(|name| directory.join(name));
        Self { kernel, busy, idle, eager }
    }
}

/// Where things are.
pub(super) struct Place {
    pub(super) parts: PathBuf,
    pub(super) guests: Guests,
    pub(super) program: PathBuf,
    pub(super) firecracker: Option<PathBuf>,
    pub(super) results: PathBuf,
}

struct Figures(File);

impl Figures {
    fn tell(&mut self, name: impl Display, value: f64) {
        println!("{name} {value}");
        writeln!(self.0, "{name} {value}").expect("room for results");
    }

    fn median(&mut self, name: impl Display, rounds: usize, mut round: impl FnMut() -> f64) {
        self.values(name, (0..rounds).map(|_| round()).collect(), median);
    }

    fn values(&mut self, name: impl Display, values: Vec<f64>, middle: fn(Vec<f64>) -> f64) {
        println!("{name}: {values:.1?}");
        self.tell(name, middle(values));
    }

    /// By turns: an emulator gets slower in the course of time, and quicker with what it does again.
    fn by_turns(&mut self, rounds: usize, compared: &[(&str, &dyn Fn(usize) -> f64)]) {
        let turn = |round| compared.iter().map(|(_, measure)| measure(round)).collect();
        let turns: Vec<Vec<f64>> = (0..rounds).map(turn).collect();
        for (place, (name, _)) in compared.iter().enumerate() {
            let of_it = turns.iter().filter_map(|turn| turn.get(place).copied());
            self.values(name, of_it.collect(), mean_of_most);
        }
    }
}

pub(super) fn measure(place: &Place) {
    let directory = tempfile::tempdir().expect("room");
    let results = File::create(place.results.join("figures")).expect("room for results");
    let mut figures = Figures(results);
    let kit = Kit::new(&place.parts, &place.program, &place.guests.kernel, directory.path());
    let program = place.firecracker.as_deref();
    let beside = program.map(|program| Beside { program, place, directory: directory.path() });
    boots(&mut figures, place, &kit, beside.as_ref());
    restores(&mut figures, place, &kit, beside.as_ref());
    snapshots(&mut figures, place, &kit);
    agents(&mut figures, &kit);
    if let Some(beside) = beside {
        beside.snapshots(&mut figures);
        beside.copies(&mut figures);
    }
    figures.tell("complete", 1.0);
}

fn boots(figures: &mut Figures, place: &Place, kit: &Kit, beside: Option<&Beside<'_>>) {
    let mark = |_| milliseconds(|| kit.boot_marked(&place.guests.busy, USUAL)).0;
    let agent = |_| milliseconds(|| kit.boot_agent(USUAL)).0;
    let order = |_| milliseconds(|| kit.boot_agent(USUAL).order()).0;
    let other = |_| beside.map_or(0.0, Beside::boot);
    let mut compared: Vec<(&str, &dyn Fn(usize) -> f64)> =
        vec![("boot.mark", &mark), ("boot.agent", &agent)];
    if beside.is_some() {
        compared.push(("boot.firecracker", &other));
    }
    compared.push(("boot.order", &order));
    figures.by_turns(BOOTS, &compared);
}

/// How a machine that was kept is restored: until its guest's mark, or until its monitor's word.
type Restore = fn(&Kit, &str) -> Marked;

/// Of guests that make marks all the time, so that the first tells when they run.
fn restores(figures: &mut Figures, place: &Place, kit: &Kit, beside: Option<&Beside<'_>>) {
    for mebibytes in SIZES {
        let mut machine = kit.boot_marked(&place.guests.eager, mebibytes);
        // What a kernel does behind its first program would be done by each copy.
        std::thread::sleep(SETTLING);
        for moment in 0..MOMENTS {
            machine.marks.next();
            let name = kept_name(mebibytes, moment);
            machine.process.snapshot(&kit.directory, &name, &Secrecy::Open).expect("it is kept");
        }
    }
    let ends: [(&str, Restore); 2] = [("restore", Kit::restore_marked), ("told", Kit::restore)];
    let prepared: Vec<_> = ends
        .into_iter()
        .flat_map(|(name, restore)| SIZES.map(|size| (name, restore, size)))
        .map(|(name, restore, mebibytes)| {
            let measure = move |round| {
                kit.prepare(mebibytes, 1);
                milliseconds(|| restore(kit, &kept_name(mebibytes, round))).0
            };
            (format!("{name}.{mebibytes}"), measure)
        })
        .collect();
    let unprepared = |round| milliseconds(|| kit.restore_marked(&kept_name(USUAL, round))).0;
    let mut compared: Vec<(&str, &dyn Fn(usize) -> f64)> =
        vec![("restore.unprepared", &unprepared)];
    compared.extend(prepared.iter().map(|(name, measure)| (name.as_str(), measure as _)));
    let (started, loaded, told) = (
        |round| beside.map_or(0.0, |beside| beside.start_and_restore(round)),
        |round| beside.map_or(0.0, |beside| beside.restore_alone(round)),
        |round| beside.map_or(0.0, |beside| beside.load(round)),
    );
    if let Some(beside) = beside {
        beside.keep(&place.guests.eager);
        compared.push(("restore.firecracker", &started));
        compared.push(("restore.firecracker.load", &loaded));
        compared.push(("told.firecracker", &told));
    }
    figures.by_turns(ROUNDS, &compared);
    for mebibytes in SIZES {
        (0..MOMENTS).for_each(|moment| kit.remove(&kept_name(mebibytes, moment)));
    }
    if let Some(beside) = beside {
        (0..MOMENTS).for_each(|moment| beside.remove(moment));
    }
}

/// What a machine of this size is kept as, for a round to restore it.
fn kept_name(mebibytes: u64, round: usize) -> String {
    format!("size{mebibytes}-{}", round % MOMENTS)
}

/// Without the quarters at both ends: what is in them is the emulator's.
fn mean_of_most(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let most = values.get(values.len() / 4..values.len() - values.len() / 4).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let count = most.len() as f64;
    most.iter().sum::<f64>() / count
}

/// The second snapshot after 16 MiB were written, and the chain that comes of more of them.
fn snapshots(figures: &mut Figures, place: &Place, kit: &Kit) {
    let mut machine = kit.boot_marked(&place.guests.busy, USUAL);
    // It has had all the memory that it writes to once, as later.
    machine.marks.next();
    machine.process.snapshot(&kit.directory, "link0", &Secrecy::Open).expect("it is kept");
    let mut link = 0;
    figures.median("keep.again", CHAIN, || {
        machine.marks.next();
        machine.marks.next();
        link += 1;
        let name = format!("link{link}");
        milliseconds(|| {
            machine.process.snapshot(&kit.directory, &name, &Secrecy::Open).expect("it is kept");
        })
        .0
    });
    drop(machine);
    // Until its monitor has done its part: how much of the guest's memory a link's guest is about to write is chance.
    let ends: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            kit.prepare(USUAL, 1);
            let first = milliseconds(|| kit.restore("link0")).0;
            kit.prepare(USUAL, 1);
            (first, milliseconds(|| kit.restore(&format!("link{CHAIN}"))).0)
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "twenty")]
    let links = CHAIN as f64;
    let added = ends.iter().map(|(first, last)| (last - first) / links).collect();
    figures.tell("chain.link", median(added));
    pauses(figures, place, kit);
}

/// How long a guest stands still, which its own monitor knows best: measured in this very process.
fn pauses(figures: &mut Figures, place: &Place, kit: &Kit) {
    let (marks, output) = Marks::new();
    let files = BootFiles {
        kernel: &place.guests.kernel,
        initramfs: Some(&place.guests.busy),
        command_line: "console=ttyS0 quiet",
    };
    let parts = vec![DevicePart::Entropy, DevicePart::Balloon];
    let machine = VirtualMachine::boot(shape(USUAL), &files, parts, Box::new(output));
    let mut machine = machine.expect("it boots");
    marks.first();
    machine.snapshot(&kit.directory, "pause").expect("it is kept");
    let mut round = 0;
    figures.median("keep.pause", ROUNDS, || {
        marks.next();
        marks.next();
        round += 1;
        let taken = machine.snapshot(&kit.directory, &format!("pause{round}"));
        taken.expect("it is kept").paused.as_secs_f64() * 1_000.0
    });
}

/// Machines as runs have them: what a fresh one takes on disk, restoring it, copies of it, and what all of them hold.
fn agents(figures: &mut Figures, kit: &Kit) {
    let bytes = USUAL << 20;
    let machine = kit.boot_agent(USUAL);
    tell_held(figures, "booted", 1.0);
    let kept = machine.keep(kit, "fresh");
    figures.tell("fresh.percent", percent(file_bytes(&kit.directory.join("fresh")), bytes));
    figures.median("restore.agent", ROUNDS, || {
        kit.prepare(USUAL, 1);
        milliseconds(|| kit.restore_agent(&kept)).0
    });
    let one = kit.restore_agent(&kept);
    tell_held(figures, "one", 1.0);
    kit.prepare(USUAL, 1);
    tell_held(figures, "one.and.prepared", 1.0);
    drop(one);
    figures.median("fork.ten", BOOTS, || {
        kit.prepare(USUAL, COPIES);
        milliseconds(|| {
            std::thread::scope(|scope| {
                let copies: Vec<_> =
                    (0..COPIES).map(|_| scope.spawn(|| kit.restore_agent(&kept))).collect();
                copies.into_iter().map(|copy| copy.join().expect("a copy")).collect::<Vec<_>>()
            })
        })
        .0
    });
    let copies: Vec<_> = (0..COPIES).map(|_| kit.restore_agent(&kept)).collect();
    tell_held(figures, "ten", 10.0);
    drop(copies);
}

/// All that is held once the guests have come to rest, and what each of so many machines holds beside its guest's memory.
fn tell_held(figures: &mut Figures, name: &str, machines: f64) {
    std::thread::sleep(REST);
    let held = held_by_descendants(USUAL << 20);
    figures.tell(format!("held.{name}"), held.guest + held.monitor);
    figures.tell(format!("held.{name}.guest"), held.guest);
    figures.tell(format!("held.{name}.monitor"), held.monitor / machines);
}

fn percent(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "bytes of a disk, for people")]
    let percent = part as f64 * 100.0 / whole as f64;
    percent
}

/// What the files of a directory take on disk.
fn file_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("a snapshot").flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.blocks() * 512).sum()
}

/// Firecracker with the same guests.
struct Beside<'a> {
    program: &'a Path,
    place: &'a Place,
    directory: &'a Path,
}

impl Beside<'_> {
    fn start(&self) -> Firecracker {
        Firecracker::start(self.program, self.directory.join("firecracker.socket"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn boot(&self) -> f64 {
        milliseconds(|| {
            let machine = self.start();
            machine.boot(&self.place.guests.kernel, &self.place.guests.busy, USUAL);
            machine.marks.first();
            machine
        })
        .0
    }

    fn snapshots(&self, figures: &mut Figures) {
        let machine = self.start();
        machine.boot(&self.place.guests.kernel, &self.place.guests.busy, USUAL);
        let (state, memory) = (self.path("fc-state"), self.path("fc-memory"));
        for (name, kind) in [("keep.firecracker.full", "Full"), ("keep.firecracker.diff", "Diff")] {
            figures.median(name, BOOTS, || {
                machine.marks.next();
                machine.marks.next();
                let _old = fs::remove_file(&memory);
                milliseconds(|| machine.keep(kind, &state, &memory)).0
            });
        }
    }

    /// Boots one with this first program and keeps it at some moments.
    fn keep(&self, first_program: &Path) {
        let machine = self.start();
        machine.boot(&self.place.guests.kernel, first_program, USUAL);
        machine.marks.first();
        std::thread::sleep(SETTLING);
        for moment in 0..MOMENTS {
            machine.marks.next();
            let (state, memory) = self.kept(moment);
            machine.keep("Full", &state, &memory);
        }
    }

    /// Where it keeps a machine, for a round to restore it.
    fn kept(&self, round: usize) -> (PathBuf, PathBuf) {
        let path = |what| self.path(&format!("fc-{what}-{}", round % MOMENTS));
        (path("state"), path("memory"))
    }

    /// Makes room, which in the lab is memory.
    fn remove(&self, moment: usize) {
        let (state, memory) = self.kept(moment);
        [state, memory].iter().for_each(|path| fs::remove_file(path).expect("it was kept"));
    }

    fn restored(&self, machine: Firecracker, round: usize) -> Firecracker {
        let (state, memory) = self.kept(round);
        machine.restore(&state, &memory);
        machine.marks.first();
        machine
    }

    fn start_and_restore(&self, round: usize) -> f64 {
        milliseconds(|| self.restored(self.start(), round)).0
    }

    /// Until it says that the guest runs.
    fn load(&self, round: usize) -> f64 {
        let machine = self.start();
        machine.wait();
        let (state, memory) = self.kept(round);
        milliseconds(|| machine.restore(&state, &memory)).0
    }

    fn restore_alone(&self, round: usize) -> f64 {
        let machine = self.start();
        machine.wait();
        milliseconds(|| self.restored(machine, round)).0
    }

    fn copies(&self, figures: &mut Figures) {
        let machine = self.start();
        machine.boot(&self.place.guests.kernel, &self.place.guests.idle, USUAL);
        machine.marks.first();
        tell_held(figures, "firecracker.booted", 1.0);
        let (state, memory) = self.kept(0);
        let _old = fs::remove_file(&memory);
        machine.keep("Full", &state, &memory);
        drop(machine);
        let copies: Vec<_> = (0..COPIES)
            .map(|copy| {
                let socket = self.path(&format!("firecracker.socket{copy}"));
                self.restored(Firecracker::start(self.program, socket), 0)
            })
            .collect();
        tell_held(figures, "firecracker.ten", 10.0);
        drop(copies);
    }
}
