//! What the editor shows of the next run, over a store with real runs: the words of `layerc plan`, line by line.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON indexed by a name gives null where there is none"
)]

use layerc_executor::cache::forecast::{Expected, Forecast};
use layerc_tests::language_server::{Client, uri};
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::workflow::{Workflow, can_run};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const FILES: &[(&str, &str)] = &[
    ("base/Layerfile", "FROM vm/ubuntu:22.04\nENV MODE=fast\nRUN echo base\n"),
    (
        "suite/Layerfile",
        "FROM ../base\nCOPY . /x\nRUN cat /x/words.txt\nRUN echo $MODE\nSKIP REMAINING IF CI=true\nRUN false\n",
    ),
    ("suite/words.txt", "hello"),
    ("key/Layerfile", "FROM vm/ubuntu:22.04\nSECRET ENV TOKEN\nRUN echo $TOKEN\n"),
];

/// What is said of a step, by Layerfile and line.
type Said = BTreeMap<(String, u32), String>;

fn words(expected: &Expected) -> String {
    match expected {
        Expected::Cached { again: None, .. } => "cached".to_owned(),
        Expected::Cached { again: Some(_), .. } => "will run: known, but".to_owned(),
        Expected::WillRun { reason } => format!("will run: {reason}"),
        Expected::Unknown { cause } => format!("unknown: {cause}"),
        Expected::LeftOut => "left out".to_owned(),
    }
}

/// What `layerc plan` says.
fn planned(workflow: &Workflow) -> Said {
    let mut plan = layerc(["plan", "--format", "forecast"]);
    let outcome = Outcome::of(plan.arg(workflow.repository.path())).expect_success("layerc plan");
    let forecast: Forecast = serde_json::from_str(&outcome.stdout).expect("a forecast");
    let steps = forecast.steps.iter();
    steps
        .map(|known| ((known.step.layerfile.clone(), known.step.line), words(&known.expected)))
        .collect()
}

/// What the hints say, durations left out: the last part of a label, or the whole text behind what was shortened.
fn hinted(client: &mut Client, workflow: &Workflow) -> Said {
    let mut said = Said::new();
    for (path, text) in FILES.iter().filter(|(path, _)| path.ends_with("Layerfile")) {
        let whole = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": text.lines().count(), "character": 0 } });
        let document = json!({ "uri": uri(&workflow.repository.join(path)) });
        let params = json!({ "textDocument": document, "range": whole });
        let hints = client.request("textDocument/inlayHint", &params);
        for hint in hints.as_array().into_iter().flatten() {
            let parts = hint["label"].as_array().cloned().unwrap_or_default();
            let line =
                u32::try_from(hint["position"]["line"].as_u64().expect("a line")).expect("small");
            let shown = parts.iter().find_map(outlook);
            said.extend(shown.map(|shown| (((*path).to_owned(), line + 1), shown)));
        }
    }
    said
}

fn outlook(part: &Value) -> Option<String> {
    let shown = part["value"].as_str()?;
    let (kind, _) = shown.split_once([',', ':']).unwrap_or((shown, ""));
    match (kind, part["tooltip"].as_str()) {
        ("will run" | "unknown", Some(whole)) => Some(format!("{kind}: {whole}")),
        ("cached" | "left out", _) => Some(kind.to_owned()),
        _ => None,
    }
}

#[test]
fn the_next_run_is_told_in_the_words_of_the_plan() {
    if !can_run("the_next_run_is_told_in_the_words_of_the_plan") {
        return;
    }
    let workflow = Workflow::with(FILES);
    let settings = std::fs::read_to_string(workflow.repository.join("layerc.toml")).unwrap();
    let settings = format!("{settings}[run]\nstore = \"{}\"\n", workflow.store().display());
    workflow.repository.write("layerc.toml", &settings);
    workflow.run_with(&["--secret", "TOKEN=cmd:echo hunter2"]).expect_success();
    let mut kinds = BTreeMap::<String, usize>::new();
    let changes: [(&str, &str); 3] = [
        ("suite/unread.txt", "nobody asks for it"),
        ("suite/words.txt", "other words"),
        ("base/Layerfile", "FROM vm/ubuntu:22.04\nENV MODE=fast\nRUN echo another\n"),
    ];
    for (path, text) in changes {
        workflow.repository.write(path, text);
        let mut client = Client::greeted(workflow.repository.path(), &json!({}));
        let (expected, shown) = (planned(&workflow), hinted(&mut client, &workflow));
        assert_eq!(expected, shown, "after {path} changed");
        for words in shown.into_values() {
            let kind = words.split(':').next().unwrap_or_default().to_owned();
            *kinds.entry(kind).or_default() += 1;
        }
    }
    let all = ["cached", "left out", "unknown", "will run"];
    assert_eq!(kinds.keys().map(String::as_str).collect::<Vec<_>>(), all, "{kinds:?}");
}
