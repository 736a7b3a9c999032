//! What RUN BACKGROUND leaves running: its late output and its bad end are told under the step that started it, in every
//! output.

use layerc_executor::event::{Event, StepResult};
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::workflow::{Workflow, can_run};
use std::process::Command;

/// The server lives until the second step has let it go, past the moment for which it is watched.
const LAYERFILE: &str = "FROM vm/ubuntu:22.04\n\
     RUN BACKGROUND echo up; while ! test -e /go; do sleep 0.05; done; echo cannot bind >&2; sleep 0.2; exit 7\n\
     RUN touch /go; while pgrep -f 'cannot bin[d]' > /dev/null; do sleep 0.05; done; echo mine\n\
     RUN echo after\n";

fn dying() -> Workflow {
    Workflow::with(&[("Layerfile", LAYERFILE)])
}

#[test]
fn a_late_death_is_a_warning_with_its_log_and_late_output_has_its_step() {
    if !can_run("a_late_death_is_a_warning_with_its_log_and_late_output_has_its_step") {
        return;
    }
    let run = dying().run().expect_success();
    let late: String = run.events.iter().filter_map(late_output).collect();
    assert_eq!(late, "1 cannot bind\n");
    assert_eq!(run.printed("main-layerfile"), "up\nmine\nafter\n", "and nobody else has it");
    let ended = run.events.iter().position(|event| matches!(event, Event::BackgroundEnded { .. }));
    let ended = ended.expect("its end is told");
    let Event::BackgroundEnded { step, result, log, .. } = &run.events[ended] else { return };
    assert_eq!((step.number, result), (1, &StepResult::ExitCode { code: 7 }));
    assert_eq!(log, "up\ncannot bind\n");
    let next = |event: &Event| matches!(event, Event::StepStarted { step, .. } if step.number == 3);
    let next = run.events.iter().position(next).expect("a third step");
    assert!(ended < next, "told when it happened");
}

fn late_output(event: &Event) -> Option<String> {
    match event {
        Event::LateOutput { step, text, .. } => Some(format!("{} {text}", step.number)),
        _ => None,
    }
}

fn run(place: &Workflow, arguments: &[&str]) -> Outcome {
    let mut command: Command = layerc(["run", "--no-cache", "--store"]);
    command.arg(place.store()).args(arguments).arg(place.repository.path());
    Outcome::of(&mut command).expect_success("layerc run")
}

#[test]
fn every_output_tells_of_it() {
    if !can_run("every_output_tells_of_it") {
        return;
    }
    let place = dying();
    let death = "ended with exit code 7 in the background";
    let [junit, html] = ["run.xml", "run.html"].map(|name| place.store().join(name));
    let reports = [&junit, &html].map(|path| path.to_str().expect("a plain path"));
    let plain = run(&place, &["--format", "plain", "--report", reports[0], "--report", reports[1]]);
    assert!(plain.stderr.contains(death) && plain.stderr.contains("  | cannot bind"), "{plain:?}");
    assert!(plain.stdout.contains("(still running)\n  | cannot bind\n"), "{}", plain.stdout);
    let junit = std::fs::read_to_string(junit).expect("a report");
    let stderr = junit.split_once("<system-err>").expect("what was told of the step").1;
    assert!(stderr.contains(death) && junit.contains("up\ncannot bind\n"), "{junit}");
    let html = std::fs::read_to_string(html).expect("a report");
    assert_eq!(html.matches(death).count(), 2, "at the top and with its step");

    let logged = Outcome::of(
        layerc(["logs", "--store"]).arg(place.store()).current_dir(place.repository.path()),
    );
    assert!(logged.stdout.contains("  | up\n  | cannot bind\n"), "{}", logged.everything());

    let github = run(&place, &["--format", "github"]).stdout;
    assert!(github.contains("still running\ncannot bind\n::endgroup::"), "{github}");
    let warning = github.lines().find(|line| line.starts_with("::warning file=Layerfile,line=2::"));
    assert!(warning.is_some_and(|line| line.contains("%0A  | cannot bind")), "{github}");
    let gitlab = run(&place, &["--format", "gitlab"]);
    assert!(gitlab.stdout.contains("still running\ncannot bind\n"), "{}", gitlab.stdout);
    assert!(gitlab.stderr.contains(death), "{}", gitlab.stderr);
}

#[test]
fn children_and_copies_inherit_what_runs_and_it_is_said() {
    if !can_run("children_and_copies_inherit_what_runs_and_it_is_said") {
        return;
    }
    let place = Workflow::with(&[
        (
            "base/Layerfile",
            "FROM vm/ubuntu:22.04\nRUN BACKGROUND while true; do date > /beat; sleep 0.05; done\n",
        ),
        (
            "child/Layerfile",
            "FROM ../base\nSPLIT 2\nRUN rm -f /beat; while ! test -s /beat; do sleep 0.05; done; echo beats\n",
        ),
    ]);
    for _ in 0..2 {
        let run = place.run().expect_success();
        for copy in ["child", "child-2"] {
            if run.state(copy) == "SUCCESS" && !run.printed(copy).is_empty() {
                assert!(run.printed(copy).ends_with("beats\n"), "{}", run.outcome.everything());
            }
        }
        let told = run.outcome.stdout.clone();
        let inherits = told.contains("goes on in the machine of base, where processes live on");
        let repeats = told.contains("state_needed") || run.started().is_empty();
        assert!(inherits || repeats, "{told}");
    }
}

#[test]
fn an_early_death_is_a_failure() {
    if !can_run("an_early_death_is_a_failure") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nRUN BACKGROUND echo no port >&2; exit 3\nRUN true\n";
    let run = Workflow::with(&[("Layerfile", text)]).run();
    assert_eq!(run.outcome.code(), 1);
    assert_eq!(run.output("main-layerfile"), "no port\n");
    assert_eq!(run.started().len(), 1);
    assert!(run.complaints()[0].contains("exit code 3"), "{:?}", run.complaints());
}
