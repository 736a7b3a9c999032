//! The cache rule, tried on the model bench: which steps run, why, and that what is restored is what would be made.

use super::{CacheUse, Options, Setup, run};
use crate::backend::ImageSource;
use crate::bench::machine::ModelBackend;
use crate::bench::plans::{From, Line, copy, plan, run as step};
use crate::bench::repository::ModelRepository;
use crate::cache::annotate::{Forecast, Known, annotate};
use crate::engine::OnFailure;
use crate::event::{Event, EventSink, RunOutcome};
use crate::secrets::Secrets;
use crate::store::Store;
use crate::store::record::Snapshot;
use crate::variables::BuiltIns;
use layerc_planner::plan::{Action, CommandMode, Plan, SkipComparison, SkipCondition};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl EventSink for Heard {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// A repository, a store and a backend that outlive several runs.
struct Bench {
    repository: Arc<ModelRepository>,
    backend: ModelBackend,
    directory: tempfile::TempDir,
    secrets: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    cache: CacheUse,
    on_failure: OnFailure,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let repository = Arc::new(ModelRepository::with(files));
        Self {
            backend: ModelBackend::new(Arc::clone(&repository)),
            repository,
            directory: tempfile::tempdir().unwrap(),
            secrets: BTreeMap::new(),
            variables: BTreeMap::new(),
            cache: CacheUse::LookUp,
            on_failure: OnFailure::StopAll,
        }
    }

    fn built_ins(&self) -> BuiltIns {
        BuiltIns::new(Path::new("/nonexistent"), "1", self.variables.clone())
    }

    fn run(&self, plan: &Plan) -> (RunOutcome, Vec<Event>) {
        let heard = Heard::default();
        let setup = Setup {
            plan,
            backend: &self.backend,
            repository: self.repository.as_ref(),
            repository_name: "model".to_owned(),
            store: Arc::new(Store::open(self.directory.path()).unwrap()),
            secrets: Secrets::new(self.secrets.clone()),
            built_ins: self.built_ins(),
            events: &heard,
            options: Options {
                jobs: NonZeroUsize::new(2).unwrap(),
                on_failure: self.on_failure,
                cache: self.cache,
                images: BTreeMap::from([("host".to_owned(), ImageSource::Host)]),
            },
            cancel: crossbeam_channel::never(),
        };
        let outcome = run(&setup).unwrap();
        (outcome, heard.0.into_inner().unwrap())
    }

    /// Runs; says which steps ran, as `runner:number reason`, in order.
    fn ran(&self, plan: &Plan) -> Vec<String> {
        let (outcome, events) = self.run(plan);
        assert_eq!(outcome, RunOutcome::Success, "{events:#?}");
        started(&events)
    }

    /// The files at the ends of all runners, as far as everything is cached and kept.
    fn final_states(&self, plan: &Plan) -> Vec<BTreeMap<String, String>> {
        let store = Store::open(self.directory.path()).unwrap();
        let secrets = Secrets::new(self.secrets.clone());
        let base = crate::backend::BaseImage {
            identity: [1; 32],
            directories: Vec::new(),
            notes: Vec::new(),
        };
        let known = Known {
            plan,
            store: &store,
            repository: self.repository.as_ref(),
            secrets: &secrets,
            built_ins: &self.built_ins(),
            bases: &BTreeMap::from([("host".to_owned(), Arc::new(base))]),
        };
        let kept = |chain: crate::cache::Chain| match &chain.links.last()?.snapshot {
            Snapshot::Taken(layers) => Some(self.backend.resolve(layers)),
            Snapshot::NotTaken(_) => None,
        };
        known.final_chains().into_iter().filter_map(kept).collect()
    }
}

fn started(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::StepStarted { runner, step, reason, .. } => {
            Some(format!("{runner}:{} {reason}", step.number))
        }
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

fn warnings(events: &[Event]) -> Vec<String> {
    let text = |event: &Event| match event {
        Event::Warning { text, .. } | Event::RunnerFailed { text, .. } => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

fn repeatable(command: &str) -> Line {
    Line::Do(Action::Run { mode: CommandMode::Repeatable, command: command.to_owned() })
}

fn only(lines: Vec<Line>) -> Plan {
    plan(&[(From::Image("host"), lines)])
}

const NONE: [&str; 0] = [];

/// Three steps that read different things of one COPY.
fn reading_plan() -> Plan {
    only(vec![
        copy("", "/app"),
        step("read /app/a; write /out/a"),
        step("list /app/src; probe /app/.npmrc; write /out/b"),
        step("stat /app/c; write /out/c"),
    ])
}

fn reading_bench() -> Bench {
    let bench = Bench::new(&[("a", "1"), ("c", "1"), ("src/x", "1"), ("unread", "1")]);
    assert_eq!(bench.ran(&reading_plan()).len(), 4);
    bench
}

#[test]
fn nothing_changed_runs_nothing_and_starts_no_machine() {
    let bench = reading_bench();
    let started = *bench.backend.started.lock().unwrap();
    assert_eq!(bench.ran(&reading_plan()), NONE);
    assert_eq!(*bench.backend.started.lock().unwrap(), started);
}

#[test]
fn an_unread_file_runs_nothing() {
    let bench = reading_bench();
    bench.repository.write("unread", "2");
    bench.repository.write("other", "2");
    assert_eq!(bench.ran(&reading_plan()), NONE);
}

#[test]
fn a_read_file_runs_its_reader_and_what_follows() {
    let bench = reading_bench();
    bench.repository.write("a", "2");
    assert_eq!(
        bench.ran(&reading_plan()),
        [
            "f0:2 `a` changed: asked for by model (pid 42) in step 2",
            "f0:3 step 2 of f0/Layerfile ran",
            "f0:4 step 2 of f0/Layerfile ran"
        ]
    );
    assert_eq!(bench.ran(&reading_plan()), NONE);
}

#[test]
fn a_mode_runs_who_asked_for_it() {
    let bench = reading_bench();
    bench.repository.set_mode("c", 0o755);
    assert_eq!(
        bench.ran(&reading_plan()),
        ["f0:4 `c` changed its mode, size or kind: asked for by model (pid 42) in step 4"]
    );
    bench.repository.set_mode("unread", 0o755);
    assert_eq!(bench.ran(&reading_plan()), NONE);
}

#[test]
fn a_new_entry_of_a_listed_directory_runs_the_lister() {
    let bench = reading_bench();
    bench.repository.write("src/y", "");
    assert_eq!(
        bench.ran(&reading_plan())[0],
        "f0:3 `src` got or lost an entry: asked for by model (pid 42) in step 3"
    );
}

#[test]
fn a_file_whose_absence_was_seen_runs_who_saw_it() {
    let bench = reading_bench();
    bench.repository.write(".npmrc", "");
    let ran = bench.ran(&reading_plan());
    assert_eq!(ran[0], "f0:3 `.npmrc` appeared: asked for by model (pid 42) in step 3");
    assert_eq!(ran.len(), 2);
    bench.repository.remove(".npmrc");
    assert_eq!(bench.ran(&reading_plan()), NONE, "back as it was: cached");
}

#[test]
fn two_commits_back_and_forth_are_both_cached() {
    let bench = reading_bench();
    bench.repository.write("a", "2");
    bench.ran(&reading_plan());
    for text in ["1", "2", "1"] {
        bench.repository.write("a", text);
        assert_eq!(bench.ran(&reading_plan()), NONE, "{text}");
    }
}

#[test]
fn an_edited_instruction_runs_from_there_down() {
    let bench = reading_bench();
    let edited = only(vec![
        copy("", "/app"),
        step("read /app/a; write /out/a"),
        step("list /app/src; write /out/b"),
        step("stat /app/c; write /out/c"),
    ]);
    assert_eq!(
        bench.ran(&edited),
        ["f0:3 the instruction is new", "f0:4 step 3 of f0/Layerfile ran"]
    );
}

#[test]
fn after_a_restore_unread_files_show_the_new_commit() {
    let bench = Bench::new(&[("a", "1"), ("late", "old")]);
    let first = only(vec![copy("", "/app"), step("read /app/a; write /a")]);
    bench.ran(&first);
    bench.repository.write("late", "new");
    let second = only(vec![
        copy("", "/app"),
        step("read /app/a; write /a"),
        step("read /app/late; write /b"),
    ]);
    assert_eq!(bench.ran(&second), ["f0:3 the instruction is new"]);
    let fresh = Bench::new(&[("a", "1"), ("late", "new")]);
    fresh.ran(&second);
    assert_eq!(bench.final_states(&second), fresh.final_states(&second));
}

#[test]
fn a_file_that_comes_to_match_a_pattern_runs_the_copy() {
    let bench = Bench::new(&[("p1.json", "1"), ("x", "")]);
    let plan = only(vec![copy("p*.json", "/app/"), step("list /app; write /out")]);
    bench.ran(&plan);
    bench.repository.write("y", "");
    bench.repository.write("p1.json", "2");
    assert!(
        bench
            .ran(&plan)
            .first()
            .is_some_and(|line| line.contains("`` got") || line.contains("`.` got"))
    );
    assert_eq!(bench.ran(&plan), NONE);
}

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
    let base =
        crate::backend::BaseImage { identity: [1; 32], directories: Vec::new(), notes: Vec::new() };
    let known = Known {
        plan: &plan,
        store: &store,
        repository: bench.repository.as_ref(),
        secrets: &Secrets::default(),
        built_ins: &bench.built_ins(),
        bases: &BTreeMap::from([("host".to_owned(), Arc::new(base))]),
    };
    let forecasts: Vec<bool> =
        annotate(&known).unwrap().values().map(|forecast| *forecast == Forecast::Cached).collect();
    assert_eq!(forecasts, [true, true, true, false]);
}

/// A random step over a handful of paths.
fn random_step() -> impl Strategy<Value = Line> {
    let path = prop::sample::select(vec!["a", "b", "d/x", "d/y", "d", "e"]);
    let word = prop::sample::select(vec!["read", "stat", "list", "probe"]);
    let asks = prop::collection::vec((word, path), 0..4);
    let out = prop::sample::select(vec!["/o1", "/o2", "/app/a", "/app/d/x"]);
    let back = prop::sample::select(vec!["/o1", "/o2"]);
    prop_oneof![
        6 => (asks, back, out).prop_map(|(asks, back, out)| {
            let asks: String = asks.iter().map(|(word, path)| format!("{word} /app/{path}; ")).collect();
            step(&format!("read {back}; {asks}write {out}"))
        }),
        1 => Just(copy("", "/app")),
        1 => Just(copy("d", "/app")),
    ]
}

/// An edit: path, and text or removal.
fn random_edit() -> impl Strategy<Value = (String, Option<u8>)> {
    let path = prop::sample::select(vec!["a", "b", "d/x", "d/y", "e"]);
    (path.prop_map(str::to_owned), prop::option::of(0u8..3))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_cached_run_ends_where_a_run_from_nothing_ends(
        parent in prop::collection::vec(random_step(), 0..4),
        child in prop::collection::vec(random_step(), 1..4),
        rounds in prop::collection::vec(prop::collection::vec(random_edit(), 0..3), 1..5),
    ) {
        let mut parent = parent;
        parent.insert(0, copy("", "/app"));
        let plan = plan(&[(From::Image("host"), parent), (From::File(0), child)]);
        let bench = Bench::new(&[("a", "0"), ("d/x", "0"), ("keep", "")]);
        for edits in rounds {
            for (path, text) in edits {
                match text {
                    Some(text) => bench.repository.write(&path, &text.to_string()),
                    None => bench.repository.remove(&path),
                }
            }
            let (cached, _) = bench.run(&plan);
            let fresh = Bench {
                repository: Arc::clone(&bench.repository),
                backend: ModelBackend::new(Arc::clone(&bench.repository)),
                ..Bench::new(&[])
            };
            let (from_nothing, _) = fresh.run(&plan);
            prop_assert_eq!(cached, from_nothing);
            if cached == RunOutcome::Success {
                let states = bench.final_states(&plan);
                prop_assert_eq!(states.len(), 2, "everything is cached now");
                prop_assert_eq!(states, fresh.final_states(&plan));
            }
        }
    }
}
