//! A machine's process: what it has, what it hasn't, and how its end is told.

use crate::place::PARTS;
use crate::tiny::{self, Letters};
use layerc_executor::kvm::process::{HandedDevice, MachineProcess, Nursery, Starting};
use layerc_executor::kvm::{Secrecy, Shape, Snapshot};
use libtest_mimic::Failed;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Has this program be a run with a machine that was made in the directory that it names.
pub(crate) const HOLD: &str = "LAYERC_TEST_HOLD_A_MACHINE";

fn devices() -> Vec<HandedDevice> {
    vec![HandedDevice::Entropy, HandedDevice::Balloon]
}

/// Facts of `/proc/PID/status`, by name.
fn status(process: i32) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let facts = text.lines().filter_map(|line| line.split_once(":\t"));
    facts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// Processes whose parent this is.
fn children(parent: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent_of = |process: &i32| {
        let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("PPid:\t"))?.parse::<i32>().ok()
    };
    numbers.filter(|process| parent_of(process) == Some(parent)).collect()
}

/// A machine's own process, and those that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    /// Waits for the nursery.
    waiting: i32,
    nursery: i32,
    machine: i32,
}

/// Of all machines of this process.
fn machines() -> Vec<Line> {
    let mut lines = Vec::new();
    for waiting in children(i32::try_from(std::process::id()).unwrap()) {
        for nursery in children(waiting) {
            let machines = children(nursery).into_iter();
            lines.extend(machines.map(|machine| Line { waiting, nursery, machine }));
        }
    }
    lines
}

/// Machines are told apart by who is a child of this process, so there is one case at a time.
fn alone() -> MutexGuard<'static, ()> {
    static CASE: Mutex<()> = Mutex::new(());
    CASE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn only_machine() -> Line {
    let machines = machines();
    assert_eq!(machines.len(), 1, "{machines:?}");
    machines[0]
}

fn kill(process: i32, signal: Signal) {
    kill_process(Pid::from_raw(process).unwrap(), signal).unwrap();
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A machine that was kept goes on in another process, where it was.
pub(super) fn is_kept_and_goes_on() -> Result<(), Failed> {
    let (_alone, place) = (alone(), TempDir::new()?);
    let (mut process, letters) = tiny::boot(place.path(), devices());
    letters.more(20);
    process.pause()?;
    process.resume()?;
    process.snapshot(place.path(), "one", &Secrecy::Open)?;
    letters.more(20);
    process.snapshot(place.path(), "two", &Secrecy::Open)?;
    letters.more(20);
    drop(process);
    letters.all_in_order();
    let snapshot = Snapshot::open(&place.path().join("two"))?;
    assert_eq!(snapshot.needs().collect::<Vec<_>>().len(), 2, "a difference to the first");
    let restore = || {
        let (letters, began) = (Letters::default(), Instant::now());
        let starting = Starting::new(tiny::nursery(), letters.output());
        let process = MachineProcess::restore(starting, &snapshot, devices()).unwrap();
        println!("restored in a process of its own: {:?}", began.elapsed());
        (process, letters)
    };
    let copies = [restore(), restore(), restore()];
    for (_, letters) in &copies {
        letters.more(20);
    }
    let first = copies.map(|(_, letters)| letters.all_in_order()[0]);
    assert_eq!(first, [first[0]; 3], "copies go on from the same number");
    wait_until("processes outlive their machines", || machines().is_empty());
    Ok(())
}

/// Processes of a nursery's machines with this name.
fn named(name: &str) -> Vec<i32> {
    let machines = machines().into_iter().map(|line| line.machine);
    machines.filter(|machine| status(*machine).get("Name").is_some_and(|is| is == name)).collect()
}

/// What waits for a machine of this shape becomes one; what somebody ended, or has another shape, does not.
pub(super) fn is_prepared() -> Result<(), Failed> {
    let (_alone, place) = (alone(), TempDir::new()?);
    let nursery = Nursery::new(&std::env::current_exe()?);
    let (mut process, letters) = tiny::boot_from(&nursery, place.path(), devices());
    letters.more(20);
    process.snapshot(place.path(), "kept", &Secrecy::Open)?;
    drop(process);
    let snapshot = Snapshot::open(&place.path().join("kept"))?;
    let restore = || {
        let letters = Letters::default();
        let starting = Starting::new(&nursery, letters.output());
        let process = MachineProcess::restore(starting, &snapshot, devices()).unwrap();
        letters.more(20);
        process
    };
    let other = Shape { processors: 2, ..snapshot.shape() };
    nursery.prepare(other, 1);
    nursery.prepare(snapshot.shape(), 2);
    nursery.prepare(snapshot.shape(), 2);
    wait_until("three wait", || named("layerc-spare").len() == 3);
    let waited = named("layerc-spare");
    let first = restore();
    let [became] = named("layerc-machine")[..] else { panic!("one machine: {:?}", machines()) };
    assert!(waited.contains(&became), "it is one of those that waited");
    assert_eq!(named("layerc-spare").len(), 2);
    named("layerc-spare").into_iter().for_each(|waiting| kill(waiting, Signal::KILL));
    wait_until("they are gone", || machines().len() == 1);
    let second = restore();
    assert_eq!(named("layerc-machine").len(), 2, "one that was made when it was asked for");
    nursery.prepare(other, 1);
    drop((first, second, nursery));
    wait_until("what waits outlives the nursery", || machines().is_empty());
    Ok(())
}

/// The guest stands still for nothing but what it wrote last: it runs between the beginning of a snapshot and the pause.
pub(super) fn runs_while_it_is_written() -> Result<(), Failed> {
    let (_alone, place) = (alone(), TempDir::new()?);
    let (mut process, letters) = tiny::boot(place.path(), devices());
    letters.more(20);
    for name in ["one", "two"] {
        let begun = process.begin_snapshot(place.path(), name, &Secrecy::Open)?;
        letters.more(20);
        process.pause()?;
        process.finish_snapshot(begun, &Secrecy::Open)?;
        letters.more(20);
        letters.all_in_order();
        let snapshot = Snapshot::open(&place.path().join(name))?;
        let others = Letters::default();
        let starting = Starting::new(tiny::nursery(), others.output());
        let _other = MachineProcess::restore(starting, &snapshot, devices())?;
        others.more(20);
        others.all_in_order();
    }
    // One that is given up leaves nothing, and the next one has all of it.
    drop(process.begin_snapshot(place.path(), "given-up", &Secrecy::Open)?);
    assert_eq!(fs::read_dir(place.path())?.count(), 3, "the kernel and two snapshots");
    process.snapshot(place.path(), "three", &Secrecy::Open)?;
    Ok(())
}

/// Looked at from outside, while the guest runs.
pub(super) fn has_nothing_of_the_host() -> Result<(), Failed> {
    let (_alone, place) = (alone(), TempDir::new()?);
    let (process, letters) = tiny::boot(place.path(), devices());
    letters.more(1);
    if !process.lacking().is_empty() && std::env::var_os(PARTS).is_none() {
        let lacking = process.lacking().join(", ");
        println!("SKIPPED: all walls of a machine's process: this host doesn't permit {lacking}");
        return Ok(());
    }
    assert_eq!(process.lacking(), [] as [String; 0], "the lab permits every wall");
    let Line { waiting, nursery, machine } = only_machine();
    let tasks = fs::read_dir(format!("/proc/{machine}/task"))?;
    let mut threads = 0;
    for task in tasks {
        let task = task?.file_name().into_string().unwrap().parse().unwrap();
        let facts = status(task);
        assert_eq!((facts["Seccomp"].as_str(), facts["NoNewPrivs"].as_str()), ("2", "1"));
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(facts[set], "0000000000000000", "{set} of {}", facts["Name"]);
        }
        threads += 1;
    }
    assert!(threads >= 5, "steering, end, a processor, two devices: {threads}");
    for namespace in ["user", "mnt", "net", "ipc", "uts", "pid"] {
        let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/{namespace}"));
        assert_ne!(of(&machine.to_string())?, of("self")?, "{namespace}");
        let apart = of(&machine.to_string())? != of(&nursery.to_string())?;
        assert_eq!(apart, ["user", "pid"].contains(&namespace), "{namespace}");
    }
    sees_no_file(machine)?;
    has_only_its_files(machine)?;
    assert_eq!(status(waiting)["CapEff"], "0000000000000000");
    letters.more(1);
    Ok(())
}

fn sees_no_file(machine: i32) -> Result<(), Failed> {
    let root = Path::new("/proc").join(machine.to_string()).join("root");
    assert_eq!(fs::read_dir(&root)?.count(), 0, "an empty root");
    assert!(fs::write(root.join("new"), "").is_err(), "to which nothing can be added");
    let interfaces = fs::read_to_string(format!("/proc/{machine}/net/dev"))?;
    let names =
        interfaces.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    assert_eq!(names.collect::<Vec<_>>(), ["lo"]);
    Ok(())
}

/// Kinds of open files that a machine without disk and sockets has.
fn has_only_its_files(machine: i32) -> Result<(), Failed> {
    for entry in fs::read_dir(format!("/proc/{machine}/fd"))? {
        let entry = entry?;
        let file = fs::read_link(entry.path())?.to_string_lossy().into_owned();
        let kinds = ["/dev/null", "/dev/kvm", "socket:[", "pipe:[", "anon_inode:"];
        let pages = file.starts_with("/proc/") && file.ends_with("/pagemap");
        assert!(pages || kinds.iter().any(|kind| file.starts_with(kind)), "{file}");
    }
    Ok(())
}

/// A process, and its number.
type Way = fn(&MachineProcess, i32);

/// What a run is that somebody kills: it has a machine, and says which processes that is.
pub(crate) fn hold_a_machine(place: &Path) -> ! {
    let (_process, letters) = tiny::boot(place, devices());
    letters.more(1);
    let Line { waiting, nursery, machine } = only_machine();
    println!("{waiting} {nursery} {machine}");
    loop {
        std::thread::park();
    }
}

/// A run that is killed takes its machines along.
pub(super) fn end_with_their_run() -> Result<(), Failed> {
    let (_alone, place) = (alone(), TempDir::new()?);
    let mut run = Command::new(std::env::current_exe()?);
    let mut run = run.env(HOLD, place.path()).stdout(Stdio::piped()).spawn()?;
    let mut told = String::new();
    BufReader::new(run.stdout.take().unwrap()).read_line(&mut told)?;
    let processes: Vec<i32> =
        told.split_whitespace().map(|number| number.parse().unwrap()).collect();
    assert!(processes.len() == 3 && processes.iter().all(is_there), "{told}");
    run.kill()?;
    run.wait()?;
    wait_until("machines outlive their run", || !processes.iter().any(is_there));
    Ok(())
}

fn is_there(process: &i32) -> bool {
    // One that nobody has waited for yet is gone all the same.
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

/// Whoever ends the process, the run hears it at once and nothing is left.
pub(super) fn its_end_is_told() -> Result<(), Failed> {
    let (_alone, place) = (alone(), TempDir::new()?);
    let ways: [(Way, &str); 2] = [
        (|_, machine| kill(machine, Signal::KILL), "by signal 9"),
        (|process, _| assert!(process.trespass().is_err()), "a forbidden system call"),
    ];
    let (other, others) = tiny::boot(place.path(), devices());
    let bystander = only_machine();
    for (end, told) in ways {
        let (process, letters) = tiny::boot(place.path(), devices());
        letters.more(1);
        let line = machines().into_iter().find(|line| *line != bystander).unwrap();
        assert_eq!(line.nursery, bystander.nursery, "they come from the same");
        end(&process, line.machine);
        has_ended(&process, told);
        wait_until("the process is left", || machines().len() == 1);
    }
    others.more(10);
    assert!(!other.life().has_ended(Duration::ZERO), "the other machine goes on");
    Ok(())
}

fn has_ended(process: &MachineProcess, told: &str) {
    let how = process.life().how_it_ended(PATIENCE);
    assert!(how.contains(told), "{how}");
    assert!(process.pause().unwrap_err().to_string().contains("has ended"));
}

/// Whoever ends what all of them come from ends them all; the next machine has another.
pub(super) fn end_with_their_nursery() -> Result<(), Failed> {
    let (_alone, place) = (alone(), TempDir::new()?);
    let nursery = Nursery::new(&std::env::current_exe()?);
    let both: [fn(Line) -> i32; 2] = [|line| line.nursery, |line| line.waiting];
    for killed in both {
        let two = [(); 2].map(|()| tiny::boot_from(&nursery, place.path(), devices()));
        for (_, letters) in &two {
            letters.more(1);
        }
        kill(killed(machines()[0]), Signal::KILL);
        for (process, _) in &two {
            has_ended(process, "all machines of this run come from");
        }
        wait_until("nothing is left", || machines().is_empty());
    }
    Ok(())
}
