//! BUTTON: pressed at the terminal, from another process or by an option; otherwise the run ends and can be resumed.

use crate::names::{name_of, run_name};
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::terminal::AtTerminal;
use layerc_tests::workflow::{Ran, Workflow, can_run};

/// The exit code of a run that waits for a person.
const WAITING: i32 = 4;

/// A deploy behind a button, what waits for it, and something that doesn't.
fn place() -> Workflow {
    Workflow::with(&[
        ("base/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo made > /made\n"),
        (
            "deploy/Layerfile",
            "FROM ../base\nRUN cat /made\nBUTTON deploy now?\nRUN echo deployed\n",
        ),
        ("after/Layerfile", "FROM ../base\nWAIT ../deploy\nRUN echo after\n"),
        ("beside/Layerfile", "FROM ../base\nRUN echo beside\n"),
    ])
}

fn press(place: &Workflow, words: &[&str]) -> Outcome {
    Outcome::of(layerc(["press", "--store"]).arg(place.store()).args(words))
}

fn resume(place: &Workflow, name: &str, more: &[&str]) -> Ran {
    let mut command = layerc(["run", "--format", "json", "--resume", name, "--store"]);
    Ran::of(command.arg(place.store()).args(more))
}

#[test]
fn a_run_that_nobody_presses_ends_waiting_and_resuming_redoes_nothing() {
    if !can_run("a_run_that_nobody_presses_ends_waiting_and_resuming_redoes_nothing") {
        return;
    }
    let place = place();
    let run = place.run();
    assert_eq!(run.outcome.code(), WAITING, "{}", run.outcome.everything());
    let states = ["base", "deploy", "after", "beside"].map(|runner| run.state(runner));
    assert_eq!(states, ["SUCCESS", "POSTPONED", "POSTPONED", "SUCCESS"]);
    let name = name_of(&run);
    let said = format!("layerc run --store {} --resume {name}", place.store().display());
    assert!(run.outcome.stderr.contains(&said), "{}", run.outcome.stderr);
    // Resumed without a press it waits again, and again does nothing.
    let again = resume(&place, &name, &[]);
    assert_eq!((again.outcome.code(), again.started()), (WAITING, Vec::new()));
    assert_eq!(name_of(&again), name, "a resumed run keeps its name");
    let pressed = press(&place, &[&name[..5], "deploy"]).expect_success("press");
    assert!(pressed.stdout.contains("--resume"), "{}", pressed.stdout);
    // What a person was asked about is what runs, whatever the Layerfile says now.
    place.repository.write("deploy/Layerfile", "FROM ../base\nRUN echo something else\n");
    let rest = resume(&place, &name, &[]).expect_success();
    assert_eq!(rest.started(), ["after:1 new", "deploy:2 new"].map(str::to_owned).to_vec());
    assert_eq!(rest.output("deploy"), "deployed\n");
    let done = resume(&place, &name, &[]);
    assert_eq!(done.outcome.code(), 2);
    assert!(done.outcome.stderr.contains("has ended well"), "{}", done.outcome.stderr);
}

#[test]
fn an_option_presses_every_button() {
    if !can_run("an_option_presses_every_button") {
        return;
    }
    let run = place().run_with(&["--accept-buttons"]).expect_success();
    assert_eq!(run.output("deploy"), "made\ndeployed\n");
    assert_eq!(run.state("after"), "SUCCESS");
}

#[test]
fn the_terminal_asks_and_enter_presses() {
    if !can_run("the_terminal_asks_and_enter_presses") {
        return;
    }
    let place = place();
    let mut run = AtTerminal::run(&place, "");
    run.wait_for("deploy now?");
    run.type_line("what is this?");
    run.type_line("");
    let (code, screen) = run.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("pressed by the terminal"), "{screen}");
    assert!(screen.contains("| deployed"), "{screen}");
}

#[test]
fn a_no_at_the_terminal_ends_the_run_waiting() {
    if !can_run("a_no_at_the_terminal_ends_the_run_waiting") {
        return;
    }
    let place = place();
    let mut run = AtTerminal::run(&place, "");
    run.wait_for("deploy now?");
    run.type_line("n");
    let (code, screen) = run.end();
    assert_eq!(code, WAITING, "{screen}");
    assert!(screen.contains("stands before"), "{screen}");
}

#[test]
fn another_process_presses_the_button_of_a_run_that_is_alive() {
    if !can_run("another_process_presses_the_button_of_a_run_that_is_alive") {
        return;
    }
    // Each copy has a button of its own; which one is meant must be said.
    let text = "FROM vm/ubuntu:22.04\nRUN echo a\nSPLIT 2\nBUTTON go on?\nRUN echo copy $SPLIT\n";
    let place = Workflow::with(&[("Layerfile", text)]);
    let run = AtTerminal::run(&place, "");
    run.wait_for("BUTTON 2");
    run.wait_for("BUTTON 1");
    let name = run_name(&run.screen()).expect("a run tells its name");
    let unclear = press(&place, &[&name]);
    assert_eq!(unclear.code(), 2, "{}", unclear.everything());
    assert!(unclear.stderr.contains("several buttons"), "{}", unclear.stderr);
    let alive = resume(&place, &name, &[]);
    assert!(alive.outcome.stderr.contains("still alive"), "{}", alive.outcome.stderr);
    for (button, word) in [("2", "goes on"), ("main-layerfile", "goes on")] {
        let pressed = press(&place, &[&name, button]).expect_success("press");
        assert!(pressed.stdout.contains(word), "{}", pressed.stdout);
    }
    let (code, screen) = run.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("copy 0") && screen.contains("copy 1"), "{screen}");
    assert_eq!(screen.matches("pressed by layerc press").count(), 2, "{screen}");
}

#[test]
fn what_cant_be_pressed_is_said() {
    let place = Workflow::with(&[("Layerfile", "FROM vm/ubuntu:22.04\nRUN true\n")]);
    let no_store = press(&place, &["k3f9x2ab"]);
    assert_eq!(no_store.code(), 2);
    assert!(no_store.stderr.contains("nothing was run yet"), "{}", no_store.stderr);
    if !can_run("what_cant_be_pressed_is_said") {
        return;
    }
    let run = place.run().expect_success();
    let nothing = press(&place, &[&name_of(&run)]);
    assert!(nothing.stderr.contains("before no button"), "{}", nothing.stderr);
    let unknown = press(&place, &["../../etc"]);
    assert_eq!(unknown.code(), 2);
    assert!(unknown.stderr.contains("there is no run"), "{}", unknown.stderr);
}
