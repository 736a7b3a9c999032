//! Runs are listed, their output is kept, and every decision can be explained afterwards.

use super::{ask, told};
use layerc_executor::event::Event;
use layerc_tests::workflow::{Ran, Workflow, can_run};

/// The name that a run's record has.
fn name_of(ran: &Ran) -> String {
    let name = ran.events.iter().find_map(|event| match event {
        Event::RunStarted { run, .. } => Some(run.to_string()),
        _ => None,
    });
    name.expect("a run begins by telling its name")
}

fn two_layerfiles() -> Workflow {
    Workflow::with(&[
        ("base/Layerfile", "FROM vm/ubuntu:22.04\nCOPY tool.sh /tool.sh\nRUN cat /tool.sh\n"),
        ("base/tool.sh", "echo tool\n"),
        ("unit/Layerfile", "FROM ../base\nRUN echo first\nRUN echo second; echo problem >&2\n"),
    ])
}

#[test]
fn runs_are_listed_and_their_output_is_kept() {
    if !can_run("runs_are_listed_and_their_output_is_kept") {
        return;
    }
    let workflow = two_layerfiles();
    workflow.repository.commit("one");
    let first = name_of(&workflow.run().expect_success());
    let second = name_of(&workflow.run().expect_success());
    let list = told(&workflow, &["runs"]);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(lines[0].starts_with(&second) && lines[0].contains("0 run, 4 cached"), "{list}");
    assert!(lines[1].starts_with(&first) && lines[1].contains("4 run, 0 cached"), "{list}");
    assert!(lines[1].contains("success") && lines[1].contains("main "), "{list}");
    let json = told(&workflow, &["runs", "--format", "json", "--number", "1"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
    assert_eq!((&json["run"], &json["status"]["outcome"]), (&second.into(), &"success".into()));
    // The second run skipped everything; its log is that of the first.
    for run in [&first, "last"] {
        assert_eq!(told(&workflow, &["logs", run, "unit:2"]), "second\nproblem\n");
    }
    assert_eq!(told(&workflow, &["logs", "base/Layerfile:3"]), "echo tool\n");
    let whole = told(&workflow, &["logs", &first[..6]]);
    assert!(
        whole.contains("unit 1 RUN echo first  done in ") && whole.contains("  | first\n"),
        "{whole}"
    );
    let cached = told(&workflow, &["logs"]);
    assert!(cached.contains(&format!("(cached, from run {first})\n  | first\n")), "{cached}");
    let unknown = ask(&workflow, &["logs", "unti:2"]);
    assert_eq!(unknown.code(), 2);
    assert!(unknown.stderr.contains("did you mean `unit:2`?"), "{}", unknown.stderr);
}

#[test]
fn why_names_the_file_and_who_read_it() {
    if !can_run("why_names_the_file_and_who_read_it") {
        return;
    }
    let workflow = two_layerfiles();
    let first = name_of(&workflow.run().expect_success());
    let new = told(&workflow, &["why", "unit:2"]);
    assert!(
        new.contains("a step before it ran: base 1 COPY tool.sh /tool.sh (base/Layerfile:2)"),
        "{new}"
    );
    assert!(new.contains("it is new: no earlier run in this store has its Layerfile"), "{new}");
    workflow.run().expect_success();
    let skipped = told(&workflow, &["why", "base:2"]);
    assert!(
        skipped
            .contains(&format!("was skipped: nothing it depends on has changed since run {first}")),
        "{skipped}"
    );
    assert!(skipped.contains("base/tool.sh  (cat)"), "{skipped}");
    workflow.repository.write("base/tool.sh", "echo other\n");
    workflow.run().expect_success();
    let changed = told(&workflow, &["why", "unit/Layerfile:3"]);
    assert!(changed.contains("a step before it ran: base 2 RUN cat /tool.sh"), "{changed}");
    assert!(changed.contains("`base/tool.sh` changed: asked for by cat (pid "), "{changed}");
    assert!(changed.contains(") in step 2\ncontent before: "), "{changed}");
    let digests: Vec<&str> = changed.lines().filter(|line| line.starts_with("content ")).collect();
    assert!(digests.len() == 2 && digests[0][16..] != digests[1][16..], "{changed}");
}

#[test]
fn why_names_the_instruction_that_changed() {
    if !can_run("why_names_the_instruction_that_changed") {
        return;
    }
    let workflow = two_layerfiles();
    workflow.run().expect_success();
    let layerfile = "FROM ../base\nUSER nobody\nRUN echo first\nRUN echo second\n";
    workflow.repository.write("unit/Layerfile", layerfile);
    workflow.run().expect_success();
    let changed = told(&workflow, &["why", "unit:2"]);
    let expected = "an instruction changed at unit/Layerfile:2\n  before: RUN echo first  (run ";
    assert!(changed.contains(expected) && changed.contains("  now:    USER nobody\n"), "{changed}");
    workflow.repository.write("unit/Layerfile", "FROM ../base\nRUN exit 3\n");
    assert_eq!(workflow.run().outcome.code(), 1);
    assert_eq!(workflow.run().outcome.code(), 1);
    let failed = told(&workflow, &["why", "unit:1"]);
    assert!(failed.contains("only successes are kept"), "{failed}");
    let log = told(&workflow, &["logs", "--failed"]);
    assert!(log.starts_with("unit 1 RUN exit 3  exit code 3 after "), "{log}");
    assert!(log.contains("unit: unit/Layerfile:2: `RUN exit 3` failed with exit code 3"), "{log}");
}
