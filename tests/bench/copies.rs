//! What COPY of a large tree costs a step that reads one file of it.

use crate::clock::{median, milliseconds};
use crate::repositories::fill;
use crate::table::{Goal, Table, Unit};
use layerc_tests::workflow::{Workflow, run_command};
use std::process::Stdio;

const ROUNDS: usize = 9;
const FILES: usize = 100_000;

/// One runner with all files, one that copies nothing and reads a file of its own.
const WITH: &str = "FROM vm/ubuntu:22.04\nWORKDIR /srv/work\nCOPY / .\nRUN cat files/3/333.txt\n";
const WITHOUT: &str = "FROM vm/ubuntu:22.04\nWORKDIR /srv/work\nRUN cat /etc/hostname\n";

pub(crate) fn measure(table: &mut Table) {
    let workflow = Workflow::with(&[("with/Layerfile", WITH), ("without/Layerfile", WITHOUT)]);
    fill(&workflow.repository, FILES);
    // Both in each round, one right after the other; the difference of a pair is what the COPY costs.
    let round = |_| cold(&workflow, "with/Layerfile") - cold(&workflow, "without/Layerfile");
    let costs = median((0..ROUNDS).map(round).collect());
    table.figure(
        "COPY of 100,000 files, then a step that reads one: more than without the COPY",
        costs,
        Unit::Milliseconds,
        Goal::AtMost(50.0),
    );
}

fn cold(workflow: &Workflow, target: &str) -> f64 {
    let store = tempfile::tempdir().expect("a temporary directory");
    let mut command = run_command(workflow.repository.path(), store.path());
    command
        .args(["--target", target])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (elapsed, status) = milliseconds(|| command.status().expect("layerc starts"));
    assert!(status.success(), "{command:?}: {status}");
    elapsed
}
