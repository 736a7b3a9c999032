//! What one can find out about runs that are over, through the built program.

mod completions;
mod forecasts;
mod history;
mod reports;
mod states;

use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::workflow::Workflow;

/// Runs `layerc COMMAND` on the store of a workflow, in its repository, without colours.
fn ask(workflow: &Workflow, arguments: &[&str]) -> Outcome {
    let mut command = layerc(arguments);
    command.arg("--store").arg(workflow.store()).current_dir(workflow.repository.path());
    Outcome::of(command.env("NO_COLOR", "1").env_remove("COLUMNS"))
}

/// What such a command printed; it must succeed.
fn told(workflow: &Workflow, arguments: &[&str]) -> String {
    ask(workflow, arguments).expect_success(&arguments.join(" ")).stdout
}
