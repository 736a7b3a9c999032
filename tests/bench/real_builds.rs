//! What tracking costs real builds: each is timed by a step, once over tracked files and once over a native copy of
//! them in a frozen layer, in new machines, in turn.
//!
//! The builds need tools that the machines can see (so not below a home directory) and, to be prepared, the package
//! registries. What can't be prepared gets a row that says why.

pub(crate) mod projects;

use crate::clock::median;
use crate::table::{Goal, Table, Unit};
use crate::tracked_reads::seconds;
use layerc_tests::workflow::{Ran, Workflow};
use projects::{Prepared, Project};

const ROUNDS: usize = 5;

pub(crate) fn measure(table: &mut Table) {
    let mut costs = Vec::new();
    for project in projects::ALL {
        match (project.prepare)() {
            Ok(prepared) => costs.push(cost_percent(project, &prepared, table)),
            Err(reason) => table.unmeasured(project.name, &reason),
        }
    }
    if !costs.is_empty() {
        let what = format!("tracking costs real builds, median of {}", costs.len());
        table.figure(&what, median(costs), Unit::Percent, Goal::AtMost(8.0));
    }
}

fn layerfile(bring: &str, build: &str) -> String {
    format!(
        "FROM vm/ubuntu:22.04\n{bring}WORKDIR /srv/project\nSECRET ENV NONCE\nRUN begin=$EPOCHREALTIME; ( {build} ) > /srv/log 2>&1 || {{ tail -n 30 /srv/log; exit 1; }}; \
         end=$EPOCHREALTIME; perl -e 'printf \"build=%.6f\\n\", $ARGV[1] - $ARGV[0]' $begin $end\n"
    )
}

fn cost_percent(project: &Project, prepared: &Prepared, table: &mut Table) -> f64 {
    let tracked = layerfile("COPY /project /srv/project\n", &prepared.build);
    let native = layerfile(
        "COPY /project /srv/copied\nRUN cp -a /srv/copied /srv/project\n",
        &prepared.build,
    );
    let workflow =
        Workflow::with(&[("tracked/Layerfile", &tracked), ("native/Layerfile", &native)]);
    std::fs::rename(prepared.directory.path(), workflow.repository.join("project"))
        .expect("both are temporary directories");
    // The first round fills page caches and the store.
    let pairs: Vec<(f64, f64)> = (0..=ROUNDS)
        .map(|round| {
            (build_seconds(&workflow, "tracked", round), build_seconds(&workflow, "native", round))
        })
        .skip(1)
        .collect();
    let native = median(pairs.iter().map(|(_, native)| *native).collect());
    let cost =
        median(pairs.iter().map(|(tracked, native)| (tracked / native - 1.0) * 100.0).collect());
    let what = format!("{} ({native:.2} s without tracking): tracking costs", project.name);
    table.figure(&what, cost, Unit::Percent, Goal::None);
    cost
}

fn build_seconds(workflow: &Workflow, which: &str, round: usize) -> f64 {
    let mut command = workflow.command();
    command
        .arg("--target")
        .arg(format!("{which}/Layerfile"))
        .env("LAYERC_SECRET_NONCE", format!("round-{round}"));
    seconds(&Ran::of(&mut command).expect_success(), which, "build")
}
