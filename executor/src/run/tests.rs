//! The cache rule, tried on the model bench: which steps run, why, and that what is restored is what would be made.

mod branches;
mod random;
mod whole_runs;

use super::{Afterwards, ButtonRule, Buttons, CacheUse, Options, Setup, run};
use crate::backend::ImageSource;
use crate::cache::forecast::Known;
use crate::engine::OnFailure;
use crate::event::{Event, EventSink, RunOutcome};
use crate::model::machine::ModelBackend;
use crate::model::plans::{From, Line, copy, plan, run as step};
use crate::model::repository::ModelRepository;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::store::record::Snapshot;
use crate::store::run_name::RunName;
use crate::variables::BuiltIns;
use layerc_planner::plan::{Action, CommandMode, Plan};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
    jobs: NonZeroUsize,
    afterwards: Afterwards,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let repository = Arc::new(ModelRepository::with(files));
        Self {
            backend: ModelBackend::new(Arc::clone(&repository)),
            repository,
            // In memory where there is such a place: these tests commit hundreds of times.
            directory: tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap(),
            secrets: BTreeMap::new(),
            variables: BTreeMap::new(),
            cache: CacheUse::LookUp,
            on_failure: OnFailure::StopAll,
            jobs: NonZeroUsize::new(2).unwrap(),
            afterwards: Afterwards::End,
        }
    }

    fn built_ins(&self) -> BuiltIns {
        BuiltIns::new(Path::new("/nonexistent"), "1", self.variables.clone())
    }

    fn run(&self, plan: &Plan) -> (RunOutcome, Vec<Event>) {
        self.run_with(plan, ButtonRule::EndWaiting)
    }

    fn run_with(&self, plan: &Plan, rule: ButtonRule) -> (RunOutcome, Vec<Event>) {
        let heard = Heard::default();
        let store = Arc::new(Store::open(self.directory.path()).unwrap());
        let setup = Setup {
            plan,
            backend: &self.backend,
            repository: self.repository.as_ref(),
            repository_name: "model".to_owned(),
            name: RunName::of(store.run().id()),
            buttons: Buttons::new(rule).0,
            store,
            secrets: Secrets::new(self.secrets.clone()),
            built_ins: self.built_ins(),
            events: &heard,
            options: Options {
                jobs: self.jobs,
                on_failure: self.on_failure,
                cache: self.cache,
                images: BTreeMap::from([("host".to_owned(), ImageSource::Host)]),
                expose_wait: Duration::from_millis(200),
                expose_idle: None,
                expose_port: None,
                afterwards: self.afterwards,
            },
            cancel: super::cancellation().1,
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
        self.ends(plan).into_iter().flatten().collect()
    }

    /// The same for each runner, nothing where it was not kept.
    fn ends(&self, plan: &Plan) -> Vec<Option<BTreeMap<String, String>>> {
        let store = Store::open(self.directory.path()).unwrap();
        let secrets = Secrets::new(self.secrets.clone());
        let base = crate::backend::BaseImage {
            identity: [1; 32],
            directories: Vec::new(),
            notes: Vec::new(),
            environment: BTreeMap::new(),
        };
        let known = Known {
            plan,
            store: &store,
            repository: self.repository.as_ref(),
            secrets: &secrets,
            built_ins: &self.built_ins(),
            bases: &BTreeMap::from([("host".to_owned(), Arc::new(base))]),
            keeps: self.backend.keeps,
            has_layer: &|_| true,
        };
        let kept = |chain: crate::cache::Chain| match &chain.links.last()?.snapshot {
            Snapshot::Taken(layers) => Some(self.backend.resolve(layers)),
            Snapshot::NotTaken(_) => None,
        };
        known.final_chains().into_iter().map(kept).collect()
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
