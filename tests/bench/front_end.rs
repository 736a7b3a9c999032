//! The front end: one long file in memory, a thousand files from disk through the whole process, a long plan as bytes.

use crate::clock::{median, milliseconds, peak_memory_mebibytes, process_milliseconds};
use crate::table::{Goal, Table, Unit};
use layerc_compiler::link::{Compiled, compile};
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::NoSources;
use layerc_planner::codec::{decode, encode};
use layerc_planner::{Selection, build};
use layerc_tests::layerc::layerc;
use layerc_tests::workflow::Workflow;
use std::process::Command;

const LINES: usize = 10_000;
const FILES: usize = 1_000;
const ROUNDS: usize = 15;

pub(crate) fn measure(table: &mut Table) {
    long_file(table);
    many_files(table);
    long_plan(table);
}

/// A file of so many lines in the proportions of real ones: mostly RUN (one in four over two lines), some ENV, COPY,
/// comments and blank lines.
fn layerfile(lines: usize) -> String {
    let mut text = "FROM vm/ubuntu:22.04\n".to_owned();
    for number in 1..lines / 10 {
        text.push_str(&format!(
            "# part {number}\nRUN apt-get update && \\\n    apt-get install --yes package-{number}\nRUN echo {number} > /srv/{number}\n\
             ENV KEY_{number}=value-{number} OTHER_{number}=\"$HOME/x\"\nWORKDIR /srv/{number}\n\nCHECKPOINT part-{number}\n\
             RUN BACKGROUND sleep {number}\nRUN cat {number} | grep -v x\n"
        ));
    }
    // FROM is one line; nine more make it a whole ten.
    text.push_str(&"RUN true\n".repeat(9));
    text
}

fn compiled(text: &str) -> Compiled {
    let path = RepoPath::new("Layerfile").expect("a path");
    compile(
        &[SourceFile { path, text: text.to_owned() }],
        &NoSources,
        &LintConfiguration::default(),
    )
}

fn long_file(table: &mut Table) {
    let text = layerfile(LINES);
    assert_eq!(text.lines().count(), LINES);
    let elapsed = median((0..ROUNDS).map(|_| milliseconds(|| compiled(&text)).0).collect());
    table.figure(
        "lex, parse and check a 10,000-line file",
        elapsed,
        Unit::Milliseconds,
        Goal::AtMost(5.0),
    );
}

fn many_files(table: &mut Table) {
    let files: Vec<(String, String)> = (0..FILES).map(one_of_many).collect();
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let workflow = Workflow::with(&borrowed);
    let output = workflow.store().join("plan");
    let plan = || -> Command {
        let mut command = layerc(["plan", "--output"]);
        command.arg(&output).arg(workflow.repository.path());
        command
    };
    let elapsed = process_milliseconds(ROUNDS, plan);
    table.figure(
        "1,000 Layerfiles from disk to plan bytes, whole process",
        elapsed,
        Unit::Milliseconds,
        Goal::AtMost(150.0),
    );
    let peak = median((0..5).map(|_| peak_memory_mebibytes(&mut plan())).collect());
    table.figure("the same, memory", peak, Unit::Mebibytes, Goal::AtMost(60.0));
}

/// One base, and groups of ten of which nine start from it and one waits for the others.
fn one_of_many(number: usize) -> (String, String) {
    let body = "RUN echo a && \\\n    echo b\nENV A=1 B=\"$A\"\nRUN make test\nCHECKPOINT\nRUN ./script --flag \"x y\"\n".repeat(3);
    let text = match number {
        0 => format!("FROM vm/ubuntu:22.04\n{body}"),
        number if number % 10 == 0 => {
            let waits: String = (number - 9..number).map(|other| format!(" ../{other}")).collect();
            format!("FROM ../0\nWAIT{waits}\n{body}")
        }
        _ => format!("FROM ../0\n{body}"),
    };
    (format!("services/{number}/Layerfile"), text)
}

fn long_plan(table: &mut Table) {
    let steps: String = (0..LINES)
        .map(|number| format!("RUN make target-{number} --jobs 4 && ./check {number}\n"))
        .collect();
    let compiled = compiled(&format!("FROM vm/ubuntu:22.04\n{steps}"));
    let plan = build(&compiled.project, &Selection::Everything).expect("a plan");
    let bytes = encode(&plan).expect("the plan can be encoded");
    let encoding =
        median((0..ROUNDS).map(|_| milliseconds(|| encode(&plan).expect("it can")).0).collect());
    table.figure("encode a 10,000-step plan", encoding, Unit::Milliseconds, Goal::AtMost(10.0));
    let decoding =
        median((0..ROUNDS).map(|_| milliseconds(|| decode(&bytes).expect("it can")).0).collect());
    table.figure("decode it", decoding, Unit::Milliseconds, Goal::AtMost(10.0));
}
