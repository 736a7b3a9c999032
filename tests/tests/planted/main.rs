//! Planted dependencies: steps that depend on the repository in one known way each.
//!
//! Every case is run through the built command: once cold; then each change that the step can't have noticed, after
//! which nothing may run; then each change that it can, after which exactly that step must run. 100 % is the only
//! passing figure: one miss is a wrong result served from a cache.

mod case;
mod cases;
mod compiled;

use case::Case;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = cases::all().into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(case: Case) -> Trial {
    Trial::test(case.name, move || match case.check() {
        Ok(()) => Ok(()),
        Err(problem) => Err(Failed::from(problem)),
    })
}
