//! Steps that several Layerfiles share, instructions that only set something, and states that CHECKPOINT keeps.

use layerc_executor::event::Event;
use layerc_tests::workflow::{Workflow, can_run};

const NONE: [&str; 0] = [];

#[test]
fn equal_steps_of_several_layerfiles_run_once() {
    if !can_run("equal_steps_of_several_layerfiles_run_once") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nCOPY a /a\nRUN cat /a; sleep 0.3\nRUN date +%N > /when\nRUN cat /when\n";
    let files: Vec<String> = (0..4).map(|number| format!("l{number}/Layerfile")).collect();
    let place = Workflow::with(&[]);
    for path in &files {
        place.repository.write(path, &text.replace("COPY a", "COPY /a"));
    }
    place.repository.write("a", "x");
    let run = place.run_with(&["--jobs", "4"]).expect_success();
    assert_eq!(run.started().len(), 4, "each step once: {:?}", run.started());
    let printed: Vec<String> = (0..4).map(|number| run.printed(&format!("l{number}"))).collect();
    assert_eq!(printed.iter().filter(|text| text.contains(char::is_numeric)).count(), 1);
    assert_eq!(place.ran(), NONE);
}

#[test]
fn instructions_that_only_set_something_are_told() {
    if !can_run("instructions_that_only_set_something_are_told") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nWORKDIR /w\nUSER builder\nBUILD ENV GIT_BRANCH\nSECRET ENV TOKEN\nSETUP FILE s\n\
                CHECKPOINT named\nRUN true\n";
    let place = Workflow::with(&[("Layerfile", text), ("s", "")]);
    for _ in 0..2 {
        let mut command = place.command();
        let run =
            layerc_tests::workflow::Ran::of(command.env("LAYERC_SECRET_TOKEN", "hunter2-hunter2"));
        let run = run.expect_success();
        let mut told = Vec::new();
        for event in &run.events {
            if let Event::StepSet { step, .. } = event {
                told.push(format!("{} {}", step.number, step.text));
            }
        }
        assert_eq!(
            told,
            [
                "1 WORKDIR /w",
                "2 USER builder",
                "3 BUILD ENV GIT_BRANCH",
                "4 SECRET ENV TOKEN",
                "5 SETUP FILE s",
                "6 CHECKPOINT named"
            ]
        );
    }
}

#[test]
fn a_checkpoint_keeps_what_a_disabled_one_had_forbidden() {
    if !can_run("a_checkpoint_keeps_what_a_disabled_one_had_forbidden") {
        return;
    }
    let base = "FROM vm/ubuntu:22.04\nCHECKPOINT disabled\nRUN echo 1 > /one\nRUN echo 2 > /two\n";
    let with = |end: &str| {
        let place = Workflow::with(&[
            ("base/Layerfile", &format!("{base}{end}")),
            ("child/Layerfile", "FROM ../base\nRUN true\n"),
        ]);
        place.ran();
        place.repository.write("child/Layerfile", "FROM ../base\nRUN cat /one /two\n");
        let run = place.run().expect_success();
        assert_eq!(run.printed("child"), "1\n2\n");
        run.started()
    };
    assert_eq!(with(""), ["child:1 new", "child:1 state_needed", "child:2 state_needed"]);
    assert_eq!(with("CHECKPOINT\n"), ["child:1 new"]);
}
