//! What can go wrong in a run, on real machines: each is a clear error or correct behaviour, nothing is left behind,
//! and the store opens afterwards.

#![expect(clippy::unwrap_used, reason = "a test: a panic is a failed case")]

use layerc_tests::layerc::Outcome;
use layerc_tests::ordinary_user::is_root;
use layerc_tests::skip::skipped;
use layerc_tests::small_disk::SmallDisk;
use layerc_tests::workflow::{Ran, Workflow, can_run, run_command};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Waits until something holds; a test that waits longer than this has failed.
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come about in a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A run in the background whose step has printed `ready`.
fn start(place: &Workflow) -> Child {
    let log = place.store().join("log");
    let output = std::fs::File::create(&log).unwrap();
    let child =
        place.command().stdin(Stdio::null()).stdout(output).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the step", || std::fs::read_to_string(&log).unwrap().contains(r#"ready\n"}"#));
    child
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Processes whose command line holds `mark`, other than this one.
fn processes_with(mark: &str) -> usize {
    let found = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let command_line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        entry.file_name() != std::process::id().to_string().as_str()
            && String::from_utf8_lossy(&command_line).contains(mark)
    });
    found.count()
}

fn mounts_below(directory: &Path) -> usize {
    let text = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines().filter(|line| line.contains(directory.to_str().unwrap())).count()
}

fn sleeping_place(mark: &str) -> Workflow {
    let text =
        format!("FROM vm/ubuntu:22.04\nRUN echo first > /first\nRUN echo ready; sleep {mark}\n");
    Workflow::with(&[("Layerfile", &text)])
}

#[test]
fn ctrl_c_leaves_no_process_and_no_mount_and_keeps_what_was_done() {
    if !can_run("ctrl_c_leaves_no_process_and_no_mount_and_keeps_what_was_done") {
        return;
    }
    let place = sleeping_place("86401.5");
    let mut child = start(&place);
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(processes_with("sleep\086401.5"), 0);
    assert_eq!(mounts_below(place.store()), 0);
    place
        .repository
        .write("Layerfile", "FROM vm/ubuntu:22.04\nRUN echo first > /first\nRUN cat /first\n");
    let run = place.run();
    assert_eq!(run.started(), ["main-layerfile:2 new"]);
    assert_eq!(run.output("main-layerfile"), "first\n");
}

#[test]
fn a_killed_run_leaves_a_store_that_opens_and_is_right() {
    if !can_run("a_killed_run_leaves_a_store_that_opens_and_is_right") {
        return;
    }
    let place = sleeping_place("86402.5");
    let mut child = start(&place);
    signal(&child, "-KILL");
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    wait_for("the end of the step", || processes_with("sleep\086402.5") == 0);
    place
        .repository
        .write("Layerfile", "FROM vm/ubuntu:22.04\nRUN echo first > /first\nRUN cat /first\n");
    let run = place.run();
    assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
    assert_eq!(run.output("main-layerfile"), "first\n");
    let left = std::fs::read_dir(place.store().join("live")).unwrap().count();
    assert_eq!(left, 0, "dead runs are cleared away");
}

#[test]
fn a_killed_machine_is_an_error_with_a_name() {
    if !can_run("a_killed_machine_is_an_error_with_a_name") {
        return;
    }
    let place = sleeping_place("86403.5");
    let child = start(&place);
    let log = place.store().join("log");
    // The step's process is the descendant that sleeps; everything between it and the run is the machine.
    for pid in descendants(child.id()) {
        let _gone =
            Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
    }
    let status = child.wait_with_output().unwrap().status;
    let told = std::fs::read_to_string(log).unwrap();
    assert_ne!(status.code(), Some(0), "{told}");
    assert!(told.contains("runner_failed"), "{told}");
    assert_eq!(Outcome::of(place.command().args(["--target", "Layerfile", "--help"])).code(), 0);
    place.repository.write("Layerfile", "FROM vm/ubuntu:22.04\nRUN echo first > /first\n");
    assert_eq!(place.ran(), [""; 0], "what was done before is kept");
}

#[test]
fn machines_hold_no_file_of_the_store_open() {
    let test = "machines_hold_no_file_of_the_store_open";
    if !can_run(test) {
        return;
    }
    if !is_root() {
        skipped(test, "only root may look at what an agent holds open");
        return;
    }
    let place = sleeping_place("86405.5");
    let mut child = start(&place);
    let index = place.store().join("index");
    let mut looked_at = 0;
    for process in descendants(child.id()) {
        let Ok(open) = std::fs::read_dir(format!("/proc/{process}/fd")) else { continue };
        for file in open.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok()) {
            looked_at += 1;
            assert!(!file.starts_with(&index), "process {process} holds {}", file.display());
        }
    }
    assert!(looked_at > 0);
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// The processes below a process, deepest last.
fn descendants(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(status) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let behind_name = status.rsplit(')').next().unwrap_or_default();
        if behind_name.split_whitespace().nth(1) == Some(parent.to_string().as_str())
            && let Ok(pid) = entry.file_name().to_string_lossy().parse()
        {
            found.push(pid);
            found.extend(descendants(pid));
        }
    }
    found
}

#[test]
fn two_runs_at_once_share_a_store() {
    if !can_run("two_runs_at_once_share_a_store") {
        return;
    }
    let place = Workflow::with(&[
        ("Layerfile", "FROM vm/ubuntu:22.04\nCOPY . /app\nRUN cat /app/a > /a\nRUN cat /a\n"),
        ("a", "1"),
    ]);
    let spawn = || place.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let running = [spawn(), spawn(), spawn()];
    for child in running {
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{told}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(place.ran(), [""; 0]);
}

#[test]
fn a_file_that_changes_during_the_run_is_told_and_not_recorded() {
    if !can_run("a_file_that_changes_during_the_run_is_told_and_not_recorded") {
        return;
    }
    let text =
        "FROM vm/ubuntu:22.04\nCOPY . /app\nRUN cat /app/a; echo ready; sleep 1\nRUN cat /app/b\n";
    let place = Workflow::with(&[("Layerfile", text), ("a", "1"), ("b", "1")]);
    let mut child = start(&place);
    place.repository.write("a", "2");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let told = std::fs::read_to_string(place.store().join("log")).unwrap();
    assert!(told.contains("`a` changed while step 2 of Layerfile ran"), "{told}");
    assert_eq!(place.ran().len(), 2);
    assert_eq!(place.ran(), [""; 0]);
}

#[test]
fn a_failure_stops_the_run_unless_it_is_to_keep_going() {
    if !can_run("a_failure_stops_the_run_unless_it_is_to_keep_going") {
        return;
    }
    let place = Workflow::with(&[
        ("bad/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo oh no >&2; exit 3\n"),
        ("child/Layerfile", "FROM ../bad\nRUN echo never\n"),
        ("good/Layerfile", "FROM vm/ubuntu:22.04\nRUN sleep 1; echo fine\n"),
        ("waits/Layerfile", "FROM vm/ubuntu:22.04\nWAIT ../bad\nRUN echo never\n"),
    ]);
    let run = place.run_with(&["--keep-going", "--jobs", "4"]);
    assert_eq!(run.outcome.code(), 1);
    let states = ["bad", "child", "good", "waits"].map(|name| run.state(name));
    assert_eq!(states, ["FAILURE", "CANCELLED", "SUCCESS", "CANCELLED"]);
    assert_eq!(
        run.complaints(),
        ["bad/Layerfile:2: `RUN echo oh no >&2; exit 3` failed with exit code 3"]
    );
    assert_eq!(run.output("bad"), "oh no\n");
    let place = Workflow::with(&[
        ("bad/Layerfile", "FROM vm/ubuntu:22.04\nRUN exit 3\n"),
        ("slow/Layerfile", "FROM vm/ubuntu:22.04\nRUN sleep 86404.5\n"),
    ]);
    let run = place.run_with(&["--jobs", "2"]);
    let ended = (run.outcome.code(), run.state("slow"));
    assert_eq!(ended, (1, "CANCELLED".to_owned()), "{:?}", run.complaints());
    assert_eq!(processes_with("sleep\086404.5"), 0);
}

#[test]
fn a_full_disk_is_said_and_the_store_opens_afterwards() {
    let test = "a_full_disk_is_said_and_the_store_opens_afterwards";
    if !can_run(test) {
        return;
    }
    let Some(disk) = SmallDisk::of("24m", test) else { return };
    let fill =
        "FROM vm/ubuntu:22.04\nRUN echo small > /small\nRUN head -c 100000000 /dev/zero > /big\n";
    let place = Workflow::with(&[("Layerfile", fill)]);
    let on = |place: &Workflow| Ran::of(&mut run_command(place.repository.path(), disk.path()));
    let run = on(&place);
    assert_ne!(run.outcome.code(), 0, "{}", run.outcome.everything());
    // Whoever comes first says it: the step's own program, the store, or the watch that keeps a reserve.
    let told = format!("{}{}", run.outcome.stderr, run.outcome.stdout);
    let sayings = ["No space left", "disk is full", "are left where the store is"];
    assert!(sayings.iter().any(|saying| told.contains(saying)), "{told}");
    place
        .repository
        .write("Layerfile", "FROM vm/ubuntu:22.04\nRUN echo small > /small\nRUN cat /small\n");
    let run = on(&place);
    assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
    assert_eq!(run.output("main-layerfile"), "small\n");
}

#[test]
fn what_is_missing_is_said_before_anything_starts() {
    let place = Workflow::with(&[
        ("Layerfile", "FROM vm/unknown:1\nAWS link --region=us-east-1\nRUN true\n"),
        ("other/Layerfile", "FROM vm/ubuntu:22.04\nAWS link --region=us-east-1\n"),
    ]);
    let run = place.run();
    assert_eq!(run.outcome.code(), 2);
    for expected in [
        "the base image `vm/unknown:1` is not mapped",
        "--image vm/unknown:1=host",
        "Layerfile:2: this executor can't run AWS yet",
        "other/Layerfile:2: this executor can't run AWS yet",
        "--without other/Layerfile",
    ] {
        assert!(run.outcome.stderr.contains(expected), "{expected}\n{}", run.outcome.stderr);
    }
    assert_eq!(run.events.len(), 0);
}
