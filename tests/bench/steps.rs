//! What a step costs when it does nothing: 20 of them, nothing cached and everything cached.

use crate::clock::{median, milliseconds, process_milliseconds};
use crate::table::{Goal, Table, Unit};
use layerc_tests::workflow::{Ran, Workflow, run_command};

const STEPS: usize = 20;
const ROUNDS: usize = 11;

fn workflow() -> Workflow {
    let steps: String = (0..STEPS).map(|number| format!("RUN true {number}\n")).collect();
    Workflow::with(&[("Layerfile", &format!("FROM vm/ubuntu:22.04\n{steps}"))])
}

pub(crate) fn measure(table: &mut Table) {
    let workflow = workflow();
    let cold = median((0..ROUNDS).map(|_| cold_milliseconds(&workflow)).collect());
    table.figure(
        "20 trivial RUN steps, nothing cached, whole process",
        cold,
        Unit::Milliseconds,
        Goal::AtMost(300.0),
    );
    workflow.run().expect_success();
    assert!(workflow.run().executed().is_empty(), "the second run ran something");
    let cached = process_milliseconds(ROUNDS, || workflow.command());
    table.figure(
        "the same, all cached, whole process",
        cached,
        Unit::Milliseconds,
        Goal::AtMost(15.0),
    );
}

fn cold_milliseconds(workflow: &Workflow) -> f64 {
    let store = tempfile::tempdir().expect("a temporary directory");
    let (elapsed, ran) =
        milliseconds(|| Ran::of(&mut run_command(workflow.repository.path(), store.path())));
    assert_eq!(ran.expect_success().executed_commands("Layerfile").len(), STEPS);
    elapsed
}
