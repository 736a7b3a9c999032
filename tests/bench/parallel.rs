//! Ten runners of a hundred steps each, at once: the time of it all, and the memory of `layerc` and every process of its
//! own. What the steps' own programs take is theirs.

use crate::clock::{median, milliseconds, process_milliseconds};
use crate::processes::children;
use crate::table::{Goal, Table, Unit};
use layerc_tests::workflow::Workflow;
use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

const RUNNERS: usize = 10;
const STEPS: usize = 100;
const ROUNDS: usize = 3;

fn workflow() -> Workflow {
    let workflow = Workflow::with(&[]);
    for runner in 0..RUNNERS {
        let steps: String =
            (0..STEPS).map(|step| format!("RUN echo {runner} {step} > /srv/{step}\n")).collect();
        let path = format!("runner{runner}/Layerfile");
        workflow.repository.write(&path, &format!("FROM vm/ubuntu:22.04\n{steps}"));
    }
    workflow
}

pub(crate) fn measure(table: &mut Table) {
    let times = (0..ROUNDS).map(|_| cold_milliseconds()).collect();
    let what = format!("{RUNNERS} runners of {STEPS} steps each in parallel, nothing cached");
    table.figure(&what, median(times), Unit::Milliseconds, Goal::None);
    let workflow = workflow();
    let memory = memory_mebibytes(&workflow);
    let what = "memory of layerc while they run, all its processes (proportional share)";
    table.figure(what, memory, Unit::Mebibytes, Goal::AtMost(40.0));
    assert!(workflow.run().expect_success().executed().is_empty(), "everything was cached");
    let cached = process_milliseconds(ROUNDS, || workflow.command());
    table.figure("the same runs, all cached", cached, Unit::Milliseconds, Goal::None);
}

fn cold_milliseconds() -> f64 {
    let workflow = workflow();
    let mut command = workflow.command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (elapsed, status) = milliseconds(|| command.status().expect("layerc starts"));
    assert!(status.success(), "{status}");
    elapsed
}

/// The most that all processes of the run that are layerc itself had together, as far as it was seen.
fn memory_mebibytes(workflow: &Workflow) -> f64 {
    let mut command = workflow.command();
    command.args(["--jobs", &RUNNERS.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("layerc starts");
    let mut most = 0;
    while child.try_wait().expect("its end can be waited for").is_none() {
        let own = family(child.id());
        most = most.max(own.iter().map(|process| proportional_kibibytes(*process)).sum());
    }
    f64::from(u32::try_from(most).unwrap_or(u32::MAX)) / 1_024.0
}

/// A process and its descendants that run the same program. A process that was just forked for a step's command is one
/// too until it becomes that command.
fn family(first: u32) -> BTreeSet<u32> {
    let program = fs::read_link(format!("/proc/{first}/exe")).ok();
    let mut found = BTreeSet::from([first]);
    let mut open = vec![first];
    while let Some(process) = open.pop() {
        for child in children(process) {
            let is_own = fs::read_link(format!("/proc/{child}/exe")).ok() == program;
            if is_own && found.insert(child) {
                open.push(child);
            }
        }
    }
    found
}

/// What a process takes, what it shares with others divided among them.
fn proportional_kibibytes(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
