//! What a step costs when it does nothing: 20 of them, nothing cached and everything cached.

use crate::clock::{median, milliseconds, process_milliseconds};
use crate::table::{Goal, Table, Unit};
use layerc_tests::workflow::{Ran, Workflow, run_command};

const STEPS: usize = 20;
const ROUNDS: usize = 11;

/// Other steps in each round.
pub(crate) fn layerfile(round: usize) -> String {
    let steps: String = (0..STEPS).map(|number| format!("RUN true {round} {number}\n")).collect();
    format!("FROM vm/ubuntu:22.04\n{steps}")
}

pub(crate) fn measure(table: &mut Table) {
    let workflow = Workflow::with(&[("Layerfile", &layerfile(0))]);
    let first = median((0..ROUNDS).map(|_| first_milliseconds(&workflow)).collect());
    let what = "20 trivial RUN steps in an empty store, the base made ready too, whole process";
    table.figure(what, first, Unit::Milliseconds, Goal::None);
    workflow.run().expect_success();
    let cold = median((1..=ROUNDS).map(|round| cold_milliseconds(&workflow, round)).collect());
    let what = "20 trivial RUN steps, nothing cached, whole process";
    table.figure(what, cold, Unit::Milliseconds, Goal::AtMost(300.0));
    assert!(workflow.run().executed().is_empty(), "the second run ran something");
    let cached = process_milliseconds(ROUNDS, || workflow.command());
    table.figure(
        "the same, all cached, whole process",
        cached,
        Unit::Milliseconds,
        Goal::AtMost(15.0),
    );
}

fn first_milliseconds(workflow: &Workflow) -> f64 {
    let store = tempfile::tempdir().expect("a temporary directory");
    let (elapsed, ran) =
        milliseconds(|| Ran::unasked(&mut run_command(workflow.repository.path(), store.path())));
    assert_eq!(ran.expect_success().executed_commands("Layerfile").len(), STEPS);
    elapsed
}

/// Steps of other texts in each round, in a store where the base is ready, as it is for docker and buildah.
fn cold_milliseconds(workflow: &Workflow, round: usize) -> f64 {
    workflow.repository.write("Layerfile", &layerfile(round));
    let (elapsed, ran) = milliseconds(|| Ran::unasked(&mut workflow.command()));
    assert_eq!(ran.expect_success().executed_commands("Layerfile").len(), STEPS);
    elapsed
}
