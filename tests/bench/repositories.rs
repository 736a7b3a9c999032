//! What a large repository costs when nothing has to run.

use crate::clock::{median, milliseconds, process_milliseconds};
use crate::table::{Goal, Table, Unit};
use layerc_tests::repository::Repository;
use layerc_tests::workflow::{Ran, Workflow};

const ROUNDS: usize = 9;
const FILES_PER_DIRECTORY: usize = 100;

/// Fills a repository with small files in directories of a hundred, below `files/`.
pub(crate) fn fill(repository: &Repository, count: usize) {
    for number in 0..count {
        let directory = number / FILES_PER_DIRECTORY;
        repository
            .write(&format!("files/{directory}/{number}.txt"), &format!("file number {number}\n"));
    }
}

/// Copies everything, reads one file.
const LAYERFILE: &str =
    "FROM vm/ubuntu:22.04\nWORKDIR /srv/work\nCOPY . .\nRUN cat files/3/333.txt\n";

fn workflow(count: usize) -> Workflow {
    let workflow = Workflow::with(&[("Layerfile", LAYERFILE)]);
    fill(&workflow.repository, count);
    workflow.repository.commit("files");
    workflow.run().expect_success();
    workflow
}

pub(crate) fn measure(table: &mut Table) {
    let workflow = workflow(20_000);
    let cached = process_milliseconds(ROUNDS, || workflow.command());
    table.figure(
        "20,000-file repository, all cached",
        cached,
        Unit::Milliseconds,
        Goal::AtMost(60.0),
    );
    unread_edit(&workflow, table);
    drop(workflow);
    let workflow = self::workflow(100_000);
    let cached = process_milliseconds(ROUNDS, || workflow.command());
    table.figure(
        "100,000-file repository, all cached",
        cached,
        Unit::Milliseconds,
        Goal::AtMost(200.0),
    );
}

fn unread_edit(workflow: &Workflow, table: &mut Table) {
    let mut steps_run = 0;
    let mut round = |number: usize| {
        workflow.repository.write("files/7/777.txt", &format!("edit {number}\n"));
        let (elapsed, ran) = milliseconds(|| Ran::unasked(&mut workflow.command()));
        steps_run += ran.expect_success().executed().len();
        elapsed
    };
    let edited = median((0..ROUNDS).map(&mut round).collect());
    table.figure(
        "the same, one unread file changed",
        edited,
        Unit::Milliseconds,
        Goal::AtMost(150.0),
    );
    let steps_run = f64::from(u32::try_from(steps_run).unwrap_or(u32::MAX));
    table.figure(
        "steps that ran for it, over all rounds",
        steps_run,
        Unit::Count,
        Goal::AtMost(0.0),
    );
}
