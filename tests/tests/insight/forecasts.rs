//! What `layerc plan` says before a run. That runs then do it is held by the harness, for every run of every test.

use super::told;
use layerc_executor::cache::forecast::{Expected, Forecast};
use layerc_tests::workflow::{Workflow, can_run};

/// The forecast in few words: `runner:number expected`.
fn forecast(workflow: &Workflow, arguments: &[&str]) -> Vec<String> {
    let text = told(workflow, &[&["plan", "--format", "forecast"], arguments].concat());
    let forecast: Forecast = serde_json::from_str(&text).expect("a forecast");
    let words = |expected: &Expected| match expected {
        Expected::Cached { again: None, .. } => "cached".to_owned(),
        Expected::Cached { again: Some(cause), .. } => format!("again: {cause}"),
        Expected::WillRun { reason } => format!("runs: {reason}"),
        Expected::Unknown { cause } => format!("unknown: {cause}"),
        Expected::LeftOut => "left out".to_owned(),
    };
    let steps = forecast.steps.iter();
    steps
        .map(|known| format!("{}:{} {}", known.runner, known.step.number, words(&known.expected)))
        .collect()
}

#[test]
fn every_step_is_cached_or_runs_for_a_reason() {
    if !can_run("every_step_is_cached_or_runs_for_a_reason") {
        return;
    }
    let workflow = Workflow::with(&[
        ("base/Layerfile", "FROM vm/ubuntu:22.04\nRUN BACKGROUND sleep 1000\n"),
        ("suite/Layerfile", "FROM ../base\nSPLIT 2\nCOPY . /x\nRUN cat /x/0.txt\n"),
        ("suite/0.txt", "0"),
        ("left/Layerfile", "FROM vm/ubuntu:22.04\nSKIP REMAINING IF CI=true\nRUN false\n"),
    ]);
    let first = forecast(&workflow, &[]);
    assert!(first[0].ends_with(":1 runs: the instruction is new"), "{first:#?}");
    assert!(first.contains(&"suite:1 runs: step 1 of base/Layerfile ran".to_owned()), "{first:#?}");
    assert!(first.contains(&"left:2 left out".to_owned()), "{first:#?}");
    workflow.run().expect_success();
    let second = forecast(&workflow, &[]);
    let quiet = second.iter().all(|step| step.ends_with(" cached") || step.ends_with("left out"));
    assert!(quiet, "{second:#?}");
    let layerfile = "FROM ../base\nSPLIT 2\nRUN echo other\n";
    workflow.repository.write("suite/Layerfile", layerfile);
    let third = forecast(&workflow, &[]);
    assert!(third.contains(&"base:1 again: processes live on (sleep)".to_owned()), "{third:#?}");
    assert!(third.contains(&"suite-2:1 runs: the instruction is new".to_owned()), "{third:#?}");
    workflow.run().expect_success();
}

#[test]
fn what_only_a_run_can_tell_is_unknown() {
    if !can_run("what_only_a_run_can_tell_is_unknown") {
        return;
    }
    let workflow = Workflow::with(&[
        ("one/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo equal\n"),
        ("two/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo equal\nRUN echo more\n"),
        ("key/Layerfile", "FROM vm/ubuntu:22.04\nSECRET ENV TOKEN\nRUN echo $TOKEN\n"),
        ("far/Layerfile", "FROM vm/ubuntu:22.04\nRUN true\n"),
    ]);
    let equal = "unknown: an equal step of another runner may run first and answer for it";
    let secret = ["--secret", "TOKEN=cmd:echo hunter2"];
    let all = forecast(&workflow, &secret);
    for step in [format!("one:1 {equal}"), format!("two:2 {equal}")] {
        assert!(all.contains(&step), "{all:#?}");
    }
    let unseen = "key:2 unknown: the value of the secret `TOKEN` is not looked up here".to_owned();
    assert!(all.contains(&unseen), "{all:#?}");
    let far =
        || forecast(&workflow, &["--target", "far", "--image", "vm/ubuntu:22.04=debootstrap:sid"]);
    assert_eq!(far(), ["far:1 runs: the instruction is new"], "nothing was ever recorded");
    workflow.run_with(&secret).expect_success();
    let unknown = "far:1 unknown: the base image `vm/ubuntu:22.04` is not here yet, and what it is decides; \
        `layerc image build vm/ubuntu:22.04` gets it";
    assert_eq!(far(), [unknown]);
    let tree = told(&workflow, &["plan"]);
    assert!(tree.contains("RUN echo equal  (cached)"), "{tree}");
}
