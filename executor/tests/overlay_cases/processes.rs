//! Daemons, background commands, long output, ends from outside.

use super::{Case, Lab, PROCESSES_LIMIT, command, is_root, output, run, run_command};
use layerc_executor::backend::{Attachment, BackendError, Command, CommandEnd, Freeze, Layer};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("a daemon of a plain command lives on", daemon_lives_on),
    ("a step ends with its shell", step_ends_with_shell),
    ("a background command is watched for a moment", background_is_watched),
    ("long output comes whole", long_output),
    ("what a daemon writes later is shown later", later_output),
    ("a stopped machine says so", stopped_machine),
    ("process 1 can't be killed from inside", process_one_is_safe),
    ("nothing is left of a machine", nothing_is_left),
    ("a machine dies with its executor", dies_with_executor),
    ("memory is limited where that is permitted", memory_is_limited),
    ("processes are limited where that is permitted", processes_are_limited),
];

fn daemon_lives_on() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "(while sleep 0.01; do date >> /tmp/beat; done) & echo $! > /tmp/pid");
    assert!(
        matches!(machine.freeze().unwrap(), Freeze::ProcessesAlive(names) if !names.is_empty())
    );
    output(&mut *machine, "kill -0 $(cat /tmp/pid); sleep 0.1; test -s /tmp/beat");
    output(&mut *machine, "kill $(cat /tmp/pid)");
    let Freeze::Frozen(layer) = machine.freeze().unwrap() else { panic!("the daemon has ended") };
    drop(machine);
    output(&mut *lab.start(&[Layer::Frozen(layer)]), "test -s /tmp/beat");
}

fn step_ends_with_shell() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "true");
    let begin = Instant::now();
    assert_eq!(output(&mut *machine, "sleep 30 & echo started"), "started\n");
    assert!(begin.elapsed() < Duration::from_secs(10), "waited for the daemon's end of the pipe");
}

fn background_is_watched() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let background = |script: &str| Command { mode: Attachment::Background, ..command(script) };
    assert_eq!(run_command(&mut *machine, &background("exit 3")).end, CommandEnd::Exited(3));
    assert_eq!(run_command(&mut *machine, &background("true")).end, CommandEnd::Exited(0));
    let outcome = run_command(&mut *machine, &background("echo up; sleep 30"));
    assert_eq!((outcome.end, &*outcome.stdout), (CommandEnd::LeftRunning, "up\n"));
    output(&mut *machine, "pgrep -x sleep");
}

fn long_output() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let outcome = run(&mut *machine, "head -c 20000000 /dev/zero | tr '\\0' x; echo end >&2");
    assert_eq!(
        (outcome.end, outcome.stdout.len(), &*outcome.stderr),
        (CommandEnd::Exited(0), 20_000_000, "end\n")
    );
    let script = format!("echo {}", "y".repeat(300_000));
    assert_eq!(output(&mut *machine, &script).len(), 300_001);
}

fn later_output() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "(sleep 0.2; echo late; echo late >&2; echo late >&3) &");
    let outcome = run(&mut *machine, "sleep 0.6; echo mine; echo mine >&3");
    assert_eq!(
        (&*outcome.stdout, &*outcome.stderr, &*outcome.answer),
        ("late\nmine\n", "late\n", "mine\n")
    );
}

fn stopped_machine() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let stop = machine.stopper();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        stop();
    });
    let answer = machine.execute(&command("sleep 60"), &mut |_, _| {});
    assert!(matches!(answer, Err(BackendError::Stopped(_))), "{answer:?}");
    stopper.join().unwrap();
    assert!(matches!(
        machine.execute(&command("true"), &mut |_, _| {}),
        Err(BackendError::Stopped(_))
    ));
}

fn process_one_is_safe() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    run(&mut *machine, "kill -9 1; kill -TERM 1; kill -STOP 1; true");
    assert_eq!(output(&mut *machine, "echo alive"), "alive\n");
}

fn nothing_is_left() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    output(&mut *machine, "sleep 1000 & disown; mkdir /closed; chmod 0 /closed");
    assert_eq!(machine.freeze().unwrap(), Freeze::ProcessesAlive(vec!["sleep".to_owned()]));
    drop(machine);
    nothing_remains(lab.store.path());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(lab.store.path().to_str().unwrap()), "{mounts}");
}

/// Another process starts a machine and is killed without a chance to clean up.
fn dies_with_executor() {
    let store = tempfile::tempdir().unwrap();
    let marker = format!("{}", 900_000 + std::process::id());
    let mut other = std::process::Command::new(std::env::current_exe().unwrap())
        .env(super::VICTIM, store.path())
        .env("MARKER", &marker)
        .spawn()
        .unwrap();
    let is_there = || {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let lines =
            entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
        lines.into_iter().any(|line| line.starts_with(&format!("sleep\0{marker}")))
    };
    wait_until("the machine's process is there", is_there);
    other.kill().unwrap();
    other.wait().unwrap();
    wait_until("the machine's process is gone", || !is_there());
    let run_directories = || std::fs::read_dir(store.path().join("runs")).unwrap().count();
    assert_eq!(run_directories(), 1, "killed without a chance to clean up");
    // Swept when the store is opened next.
    let next = Lab::in_store(store.path());
    nothing_remains(next.store.path());
}

/// Directories of ended machines are removed beside the work.
pub(super) fn nothing_remains(store: &Path) {
    let runs = || std::fs::read_dir(store.join("runs")).unwrap().count();
    wait_until("the directories of ended machines are gone", || runs() == 0);
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn memory_is_limited() {
    let lab = Lab::new();
    let mut machine = lab.start_limited(64 << 20);
    if !machine.notes().is_empty() {
        return super::skipped(&machine.notes().join("; "));
    }
    output(&mut *machine, "head -c 20M /dev/zero | tail -c 20M | wc -c");
    let outcome =
        run(&mut *machine, "head -c 400M /dev/zero | tail -c 400M | wc -c; exit ${PIPESTATUS[1]}");
    assert_eq!(outcome.end, CommandEnd::Exited(137), "ended for want of memory: {outcome:?}");
    output(&mut *machine, "true");
}

fn processes_are_limited() {
    let lab = Lab::new();
    let mut machine = lab.start(&[]);
    let script = format!(
        "perl -e 'my @children; for (1..{}) {{ my $child = fork; last unless defined $child; \
         if (!$child) {{ sleep 60; exit }} push @children, $child; }} \
         print scalar(@children); kill 9, @children; wait for @children;'",
        PROCESSES_LIMIT + 100
    );
    let started: u32 = output(&mut *machine, &script).parse().unwrap();
    if started > PROCESSES_LIMIT && !is_root() {
        return super::skipped("this user may not limit the processes of machines");
    }
    assert!((PROCESSES_LIMIT / 2..PROCESSES_LIMIT).contains(&started), "{started} processes");
    output(&mut *machine, "true");
}
