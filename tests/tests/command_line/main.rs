//! The commands that look at Layerfiles without running them, through the built program: check, fmt, plan, explain.

mod check;
mod corpus_trees;
mod explain;
mod fmt;
mod init;
mod plan;
mod plan_file;
mod specification;

use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::repository::Repository;

/// Runs the program in a repository, without colours.
fn run_in(repository: &Repository, arguments: &[&str]) -> Outcome {
    Outcome::of(
        layerc(arguments).current_dir(repository.path()).env("NO_COLOR", "1").env_remove("COLUMNS"),
    )
}

/// Runs the program in a repository for what it does there.
fn succeed(repository: &Repository, arguments: &[&str]) {
    let outcome = run_in(repository, arguments);
    assert!(outcome.status.success(), "{arguments:?}: {}", outcome.everything());
}

/// A base, unit tests, a split suite and a deployment.
fn web_service() -> Repository {
    Repository::with(&[
        (
            "base/Layerfile",
            "FROM vm/ubuntu:18.04\nMEMORY 2G\nENV NODE=\"14\"\nRUN apt-get install nodejs\n",
        ),
        ("unit/Layerfile", "FROM ../base\nCOPY . /app\nWORKDIR /app\nRUN npm test\n"),
        ("suite/Layerfile", "FROM ../base\nSPLIT 3\nRUN ./suite $SPLIT\n"),
        (
            "deploy/Layerfile",
            "FROM /base\nWAIT ../unit ../suite\nBUTTON deploy now?\nRUN ./deploy\n",
        ),
    ])
}
