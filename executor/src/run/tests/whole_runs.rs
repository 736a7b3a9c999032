//! More than one step: parents, copies, live processes, keyed values, failures.

use super::{Bench, NONE, only, reading_bench, reading_plan, repeatable, started, step, warnings};
use crate::backend::LayerId;
use crate::cache::forecast::{Expected, Known, forecast};
use crate::engine::OnFailure;
use crate::event::{Event, RunOutcome};
use crate::model::plans::{From, Line, copy, plan};
use crate::run::CacheUse;
use crate::secrets::Secrets;
use crate::store::Store;
use layerc_planner::plan::{Action, CommandMode, SkipComparison, SkipCondition};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

#[test]
fn a_parent_runs_once_and_its_children_start_from_it() {
    let bench = Bench::new(&[("a", "1")]);
    let plan = plan(&[
        (From::Image("host"), vec![copy("", "/app"), step("read /app/a; write /base")]),
        (From::File(0), vec![step("read /base; write /one")]),
        (From::File(0), vec![step("read /base; read /app/b; write /two")]),
    ]);
    assert_eq!(bench.ran(&plan).len(), 4);
    assert_eq!(bench.ran(&plan), NONE);
    bench.repository.write("b", "1");
    assert_eq!(bench.ran(&plan), ["f2:1 `b` appeared: asked for by model (pid 42) in step 1"]);
    bench.repository.write("a", "2");
    assert_eq!(bench.ran(&plan).len(), 3);
}

#[test]
fn split_copies_are_keyed_by_their_index_when_they_know_it() {
    let bench = Bench::new(&[]);
    let ordered = only(vec![step("write /a"), Line::Split(2, true), step("env SPLIT; write /b")]);
    let mut ran = bench.ran(&ordered);
    ran.sort();
    assert_eq!(ran.len(), 3);
    assert_eq!(bench.ran(&ordered), NONE);
    let states = bench.final_states(&ordered);
    assert_ne!(states[0], states[1]);
    let unordered =
        only(vec![step("write /a"), Line::Split(3, false), step("env SPLIT_NUM; write /b")]);
    assert_eq!(bench.ran(&unordered).len(), 3, "copies don't answer for each other within a run");
    assert_eq!(bench.ran(&unordered), NONE);
}

#[test]
fn live_processes_are_repeated_only_where_their_state_is_needed() {
    let bench = Bench::new(&[("a", "1"), ("b", "1")]);
    let plan = plan(&[
        (
            From::Image("host"),
            vec![step("write /x"), copy("", "/app"), step("daemon db; read /app/a; write /y")],
        ),
        (From::File(0), vec![step("read /app/b; write /z")]),
    ]);
    assert_eq!(bench.ran(&plan).len(), 4, "the child goes on with the parent's machine");
    assert_eq!(bench.ran(&plan), NONE, "all known, nobody needs the processes");
    bench.repository.write("b", "2");
    assert_eq!(
        bench.ran(&plan),
        [
            "f0:3 its state is needed and wasn't kept: processes live on (db)".replace("f0", "f1"),
            "f1:1 `b` changed: asked for by model (pid 42) in step 1".to_owned()
        ]
    );
}

#[test]
fn forbidden_checkpoints_are_repeated_too() {
    let bench = Bench::new(&[("b", "1")]);
    let plan = only(vec![
        copy("", "/app"),
        Line::Unkept(Action::Run { mode: CommandMode::Plain, command: "write /y".to_owned() }),
        step("read /y; read /app/b; write /z"),
    ]);
    bench.ran(&plan);
    let before = bench.final_states(&plan);
    bench.repository.write("b", "2");
    let ran = bench.ran(&plan);
    assert_eq!(ran[0], "f0:2 its state is needed and wasn't kept: CHECKPOINT disabled");
    assert_eq!(ran.len(), 2);
    bench.repository.write("b", "1");
    assert_eq!(bench.ran(&plan), NONE);
    assert_eq!(bench.final_states(&plan), before);
}

#[test]
fn a_repeatable_step_starts_from_its_own_last_state_and_depends_on_what_that_read() {
    let bench = Bench::new(&[("a", "1"), ("b", "1")]);
    let first = only(vec![copy("", "/app"), repeatable("read /out; read /app/a; write /out")]);
    bench.ran(&first);
    bench.repository.write("a", "2");
    let (_, events) = bench.run(&first);
    let from_own = |event: &Event| {
        matches!(
            event,
            Event::StepStarted { starts_from: crate::event::StartsFrom::OwnLastRun, .. }
        )
    };
    assert!(events.iter().any(from_own));
    assert_eq!(bench.ran(&first), NONE);
    // The second run's state goes back to the first, so both runs' reads count.
    bench.repository.write("a", "3");
    assert_eq!(bench.ran(&first).len(), 1);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_recorded() {
    let bench = Bench::new(&[("a", "1")]);
    let plan =
        only(vec![copy("", "/app"), step("read /app/a; edit a=2; write /x"), step("write /y")]);
    let (outcome, events) = bench.run(&plan);
    assert_eq!(outcome, RunOutcome::Success);
    assert_eq!(
        warnings(&events),
        ["`a` changed while step 2 of f0/Layerfile ran: neither it nor what follows is recorded"]
    );
    assert_eq!(bench.ran(&plan).len(), 2);
    assert_eq!(bench.ran(&plan), NONE, "the edit repeats itself, so now it holds");
}

#[test]
fn secrets_and_build_variables_are_keyed_and_named() {
    let mut bench = Bench::new(&[]);
    bench.secrets.insert("TOKEN".to_owned(), "hunter2hunter2".to_owned());
    bench.variables.insert("GIT_BRANCH".to_owned(), "main".to_owned());
    let plan = only(vec![
        Line::Do(Action::SecretEnv { names: vec!["TOKEN".to_owned()] }),
        Line::Do(Action::Env { pairs: vec![("COPY_OF_IT".to_owned(), "$TOKEN".to_owned())] }),
        step("printenv TOKEN; printenv COPY_OF_IT; env COPY_OF_IT; write /x"),
        Line::Do(Action::BuildEnv { names: vec!["GIT_BRANCH".to_owned()] }),
        step("env GIT_BRANCH; write /y"),
    ]);
    let (_, events) = bench.run(&plan);
    assert!(!format!("{events:?}").contains("hunter2hunter2"));
    assert!(format!("{events:?}").contains("***"));
    assert_eq!(bench.ran(&plan), NONE);
    assert!(!grep(bench.directory.path(), b"hunter2hunter2"), "a secret was stored");
    bench.variables.insert("GIT_BRANCH".to_owned(), "dev".to_owned());
    assert_eq!(bench.ran(&plan), ["f0:5 GIT_BRANCH changed"]);
    bench.secrets.insert("TOKEN".to_owned(), "other".to_owned());
    assert_eq!(bench.ran(&plan)[0], "f0:2 the secret TOKEN changed");
}

/// Whether a file below `directory` holds these bytes.
fn grep(directory: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().flatten().any(|entry| {
        if entry.file_type().unwrap().is_dir() {
            return grep(&entry.path(), needle);
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn a_new_base_image_runs_everything() {
    let bench = Bench::new(&[]);
    let plan = only(vec![step("write /x")]);
    bench.ran(&plan);
    *bench.backend.base_identity.lock().unwrap() = [2; 32];
    assert_eq!(bench.ran(&plan), ["f0:1 the base image `host` changed"]);
}

#[test]
fn skip_remaining_ends_the_file_and_keeps_what_was_reached() {
    let mut bench = Bench::new(&[]);
    bench.variables.insert("GIT_BRANCH".to_owned(), "docs".to_owned());
    let condition = SkipCondition {
        name: "GIT_BRANCH".to_owned(),
        comparison: SkipComparison::Matches,
        value: "^docs$".to_owned(),
    };
    let plan = plan(&[
        (
            From::Image("host"),
            vec![
                step("write /x"),
                Line::Do(Action::SkipIf { conditions: vec![condition] }),
                Line::Split(2, true),
                step("fail"),
            ],
        ),
        (From::Image("host"), vec![Line::Wait(vec![0]), step("write /y")]),
    ]);
    assert_eq!(bench.ran(&plan).len(), 2);
}

#[test]
fn failures_are_told_and_leave_the_rest_usable() {
    let mut bench = Bench::new(&[]);
    let plan = plan(&[
        (From::Image("host"), vec![step("write /x"), step("fail")]),
        (From::Image("host"), vec![step("die")]),
        (From::Image("host"), vec![step("write /z")]),
    ]);
    bench.on_failure = OnFailure::KeepGoing;
    let (outcome, events) = bench.run(&plan);
    assert_eq!(outcome, RunOutcome::Error);
    let mut told = warnings(&events);
    told.sort();
    assert_eq!(
        told,
        [
            "f0/Layerfile:3: `RUN fail` failed with exit code 1",
            "f1/Layerfile:2: `RUN die`: the machine stopped: its agent was killed"
        ]
    );
    let (_, events) = bench.run(&plan);
    let mut ran = started(&events);
    ran.sort();
    assert_eq!(
        ran,
        ["f0:2 the instruction is new", "f1:1 the instruction is new"],
        "what succeeded is cached"
    );
}

#[test]
fn without_the_cache_everything_runs_and_is_recorded() {
    let mut bench = reading_bench();
    bench.cache = CacheUse::RunEverything;
    assert_eq!(bench.ran(&reading_plan()).len(), 4);
    bench.cache = CacheUse::LookUp;
    assert_eq!(bench.ran(&reading_plan()), NONE);
}

#[test]
fn a_forecast_says_what_a_run_would_do() {
    let bench = reading_bench();
    bench.repository.set_mode("c", 0o755);
    let plan = reading_plan();
    let store = Store::open(bench.directory.path()).unwrap();
    let base = crate::backend::BaseImage {
        identity: [1; 32],
        directories: Vec::new(),
        notes: Vec::new(),
        environment: BTreeMap::new(),
    };
    let known = Known {
        plan: &plan,
        store: &store,
        repository: bench.repository.as_ref(),
        secrets: &Secrets::default(),
        built_ins: &bench.built_ins(),
        bases: &BTreeMap::from([("host".to_owned(), Arc::new(base))]),
        keeps: crate::backend::Keeps::Files,
        has_layer: &|_| true,
    };
    let forecast = forecast(&known).unwrap();
    let is_cached = |expected: &Expected| matches!(expected, Expected::Cached { again: None, .. });
    let cached: Vec<bool> = forecast.steps.iter().map(|step| is_cached(&step.expected)).collect();
    assert_eq!(cached, [true, true, true, false]);
    assert_eq!(forecast.by_node().len(), 4);
}

#[test]
fn a_layer_that_somebody_removed_is_made_again() {
    let bench = Bench::new(&[("a", "1")]);
    let plan =
        only(vec![step("write /x"), copy("", "/app"), step("read /x; read /app/a; write /y")]);
    bench.ran(&plan);
    bench.backend.lost.lock().unwrap().insert(LayerId("layer-0".to_owned()));
    assert_eq!(bench.ran(&plan), NONE, "nobody needs it");
    bench.repository.write("a", "2");
    let gone = "its state is needed and wasn't kept: its files are not in the store any more";
    assert_eq!(
        bench.ran(&plan),
        [
            format!("f0:1 {gone}"),
            format!("f0:2 {gone}"),
            "f0:3 `a` changed: asked for by model (pid 42) in step 3".to_owned()
        ]
    );
}
