//! Every schedule the engine may be driven through: it never deadlocks, keeps the order, and runs what is shared once.

use super::stretch::{Start, StretchId};
use super::{Effect, Engine, Input, OnFailure, Outcome, RunnerId, RunnerState};
use crate::model::plans::{From, Line, plan, run};
use layerc_planner::plan::Plan;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

/// A file of a random plan: parent choice, lines as (kind, argument).
type FileSeed = (u8, Vec<(u8, u8)>);

fn random_plan(seeds: &[FileSeed]) -> Plan {
    let mut splits = vec![false; seeds.len()];
    let mut files = Vec::new();
    for (index, (parent, lines)) in seeds.iter().enumerate() {
        let candidate =
            (index > 0).then(|| *parent as usize % (index + 1)).filter(|&parent| parent < index);
        let from = match candidate.filter(|&parent| !splits[parent]) {
            Some(parent) => From::File(parent),
            None => From::Image("host"),
        };
        let mut written = Vec::new();
        for (kind, argument) in lines {
            match kind % 6 {
                0 if !splits[index] => {
                    splits[index] = true;
                    written.push(Line::Split(u32::from(argument % 3) + 1, true));
                }
                1 if index > 0 => written.push(Line::Wait(vec![*argument as usize % index])),
                2 if argument % 4 == 0 => written.push(Line::Button),
                _ => written.push(run("true")),
            }
        }
        files.push((from, written));
    }
    plan(&files)
}

/// Drives a run to its end, finishing running stretches in the order and with the outcomes the seed says.
struct Driver {
    engine: Engine,
    plan: Plan,
    jobs: usize,
    running: Vec<StretchId>,
    asking: Vec<StretchId>,
    started: BTreeMap<StretchId, usize>,
    ended: BTreeMap<StretchId, Outcome>,
    released: BTreeSet<StretchId>,
    stopped: BTreeSet<StretchId>,
}

impl Driver {
    fn new(seeds: &[FileSeed], jobs: usize, on_failure: OnFailure) -> Self {
        let plan = random_plan(seeds);
        let engine = Engine::new(&plan, NonZeroUsize::new(jobs).unwrap(), on_failure).unwrap();
        Self {
            engine,
            plan,
            jobs,
            running: Vec::new(),
            asking: Vec::new(),
            started: BTreeMap::new(),
            ended: BTreeMap::new(),
            released: BTreeSet::new(),
            stopped: BTreeSet::new(),
        }
    }

    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Start(id) => {
                    self.check_may_start(id);
                    *self.started.entry(id).or_default() += 1;
                    self.running.push(id);
                }
                Effect::Ask(id) => self.asking.push(id),
                Effect::Release(id) => assert!(self.released.insert(id), "released twice"),
                Effect::Stop(id) => {
                    assert!(self.running.contains(&id), "only what runs can be stopped");
                    self.stopped.insert(id);
                }
                Effect::Skip(id) => {
                    self.ended.insert(id, Outcome::Skipped);
                }
                Effect::Runner(..) => {}
            }
        }
        assert!(self.running.len() <= self.jobs, "too many at once");
    }

    fn check_may_start(&self, id: StretchId) {
        let stretch = self.engine.graph().get(id).unwrap();
        if let Start::After(source) = stretch.start {
            assert!(
                self.ended.get(&source).is_some_and(|outcome| outcome.is_success()),
                "state edge"
            );
            assert!(!self.released.contains(&source), "its start was thrown away");
        }
        for target in &stretch.waits_for {
            for end in self.engine.graph().ends_of(*target) {
                let ended = self.ended.get(end).copied();
                assert!(ended.is_some_and(Outcome::is_success), "order edge: all copies joined");
            }
        }
    }

    /// A gate is neither running nor failed; only a run that was stopped meanwhile has decided it.
    fn check_stands_at_its_button(&self, id: StretchId) {
        let stretch = self.engine.graph().get(id).unwrap();
        let runner = RunnerId { layerfile: stretch.layerfile, copy: stretch.copies.first };
        let state = self.engine.runners().get(&runner).copied();
        if stretch.copies.count == 1 && self.engine.asking().any(|asking| asking == id) {
            assert_eq!(state, Some(RunnerState::WaitingButton));
        }
    }

    fn finish(&mut self, choice: usize, outcome: Outcome) {
        let id = self.running.remove(choice % self.running.len());
        let outcome = if self.stopped.contains(&id) { Outcome::Cancelled } else { outcome };
        self.ended.insert(id, outcome);
        let effects = self.engine.handle(Input::Finished(id, outcome));
        self.apply(effects);
    }

    fn drive(&mut self, choices: &[(u8, u8)]) {
        let effects = self.engine.begin();
        self.apply(effects);
        let mut choices = choices.iter().cycle();
        for _ in 0..10_000 {
            let (choice, kind) = *choices.next().unwrap();
            if self.engine.needs_a_person() && kind % 5 == 0 {
                let effects = self.engine.handle(Input::NobodyPresses);
                self.apply(effects);
                self.asking.clear();
            } else if let Some(id) = self.asking.pop() {
                self.check_stands_at_its_button(id);
                let effects = self.engine.handle(Input::Pressed(id));
                self.apply(effects);
            } else if self.running.is_empty() {
                break;
            } else {
                let outcome = match kind % 8 {
                    0 => Outcome::Failure,
                    1 => Outcome::Error,
                    2 => Outcome::Skipped,
                    _ => Outcome::Success,
                };
                self.finish(choice as usize, outcome);
            }
        }
        assert!(self.engine.is_finished(), "deadlock");
        assert!(self.started.values().all(|&times| times == 1), "everything shared runs once");
        assert!(
            self.engine.runners().values().all(|state| state.is_final()),
            "every runner is decided"
        );
        assert_eq!(
            self.released.len(),
            self.engine.graph().stretches.len(),
            "every state is let go"
        );
        let copies: u32 = self.plan.layerfiles.iter().map(|file| file.copies).sum();
        assert_eq!(self.engine.runners().len(), copies as usize, "one runner per copy");
    }
}

proptest! {
    #[test]
    fn any_plan_in_any_order_comes_to_an_end(
        seeds in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<(u8, u8)>(), 0..5)), 1..7),
        choices in prop::collection::vec(any::<(u8, u8)>(), 1..40),
        jobs in 1usize..4,
        keep_going: bool,
    ) {
        let on_failure = if keep_going { OnFailure::KeepGoing } else { OnFailure::StopAll };
        Driver::new(&seeds, jobs, on_failure).drive(&choices);
    }
}

fn engine(files: &[(From, Vec<Line>)], on_failure: OnFailure) -> Engine {
    Engine::new(&plan(files), NonZeroUsize::new(4).unwrap(), on_failure).unwrap()
}

fn starts(effects: &[Effect]) -> Vec<u32> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Start(id) = effect { Some(id.0) } else { None })
        .collect()
}

fn states(engine: &Engine) -> Vec<RunnerState> {
    engine.runners().values().copied().collect()
}

#[test]
fn a_failure_cancels_children_and_waiters_and_nothing_else_when_told_to_keep_going() {
    let files = [
        (From::Image("host"), vec![run("base")]),
        (From::File(0), vec![run("child")]),
        (From::Image("host"), vec![run("own"), Line::Wait(vec![1])]),
        (From::Image("host"), vec![run("independent")]),
    ];
    let mut engine = engine(&files, OnFailure::KeepGoing);
    assert_eq!(starts(&engine.begin()), [0, 2, 4]);
    engine.handle(Input::Finished(StretchId(0), Outcome::Failure));
    assert_eq!(
        states(&engine),
        [RunnerState::Failure, RunnerState::Cancelled, RunnerState::Running, RunnerState::Running]
    );
    engine.handle(Input::Finished(StretchId(2), Outcome::Success));
    engine.handle(Input::Finished(StretchId(4), Outcome::Success));
    assert_eq!(
        states(&engine),
        [
            RunnerState::Failure,
            RunnerState::Cancelled,
            RunnerState::Cancelled,
            RunnerState::Success
        ]
    );
    assert!(engine.is_finished());
}

#[test]
fn a_split_runs_its_prefix_once_and_is_waited_for_as_a_whole() {
    let files = [
        (From::Image("host"), vec![run("prefix"), Line::Split(3, true), run("part")]),
        (From::Image("host"), vec![Line::Wait(vec![0]), run("deploy")]),
    ];
    let mut engine = engine(&files, OnFailure::StopAll);
    assert_eq!(starts(&engine.begin()), [0, 4]);
    engine.handle(Input::Finished(StretchId(4), Outcome::Success));
    assert_eq!(starts(&engine.handle(Input::Finished(StretchId(0), Outcome::Success))), [1, 2, 3]);
    engine.handle(Input::Finished(StretchId(1), Outcome::Success));
    assert_eq!(starts(&engine.handle(Input::Finished(StretchId(2), Outcome::Success))), [0u32; 0]);
    assert_eq!(starts(&engine.handle(Input::Finished(StretchId(3), Outcome::Success))), [5]);
}

#[test]
fn a_skip_ends_the_file_but_not_its_children() {
    let files = [
        (From::Image("host"), vec![run("a"), Line::Split(2, true), run("b")]),
        (From::Image("host"), vec![Line::Wait(vec![0]), run("after")]),
    ];
    let mut engine = engine(&files, OnFailure::StopAll);
    engine.begin();
    engine.handle(Input::Finished(StretchId(3), Outcome::Success));
    let effects = engine.handle(Input::Finished(StretchId(0), Outcome::Skipped));
    assert_eq!(starts(&effects), [4], "a skipped Layerfile counts as success for those who wait");
    assert_eq!(states(&engine)[0..2], [RunnerState::Skipped, RunnerState::Skipped]);
}

#[test]
fn with_one_job_a_waiting_runner_holds_no_slot() {
    let files = [
        (From::Image("host"), vec![run("late")]),
        (From::Image("host"), vec![run("early"), Line::Wait(vec![0]), run("then")]),
    ];
    let plan = plan(&files);
    let mut engine = Engine::new(&plan, NonZeroUsize::MIN, OnFailure::StopAll).unwrap();
    assert_eq!(starts(&engine.begin()), [0]);
    assert_eq!(starts(&engine.handle(Input::Finished(StretchId(0), Outcome::Success))), [1]);
    assert_eq!(starts(&engine.handle(Input::Finished(StretchId(1), Outcome::Success))), [2]);
}

#[test]
fn a_button_is_asked_once_and_blocks_until_pressed() {
    let files = [(From::Image("host"), vec![run("a"), Line::Button, run("b")])];
    let mut engine = engine(&files, OnFailure::StopAll);
    engine.begin();
    let effects = engine.handle(Input::Finished(StretchId(0), Outcome::Success));
    assert!(effects.contains(&Effect::Ask(StretchId(1))));
    assert_eq!(starts(&engine.handle(Input::Pressed(StretchId(1)))), [1]);
}

#[test]
fn a_button_that_nobody_presses_postpones_what_needs_it_and_nothing_else() {
    let files = [
        (From::Image("host"), vec![run("a"), Line::Button, run("b")]),
        (From::File(0), vec![run("child")]),
        (From::Image("host"), vec![Line::Wait(vec![0]), run("waiter")]),
        (From::Image("host"), vec![run("independent")]),
    ];
    let mut engine = engine(&files, OnFailure::StopAll);
    assert_eq!(starts(&engine.begin()), [0, 3, 5]);
    engine.handle(Input::Finished(StretchId(0), Outcome::Success));
    assert!(!engine.needs_a_person(), "others still run");
    engine.handle(Input::Finished(StretchId(3), Outcome::Success));
    engine.handle(Input::Finished(StretchId(5), Outcome::Success));
    assert!(engine.needs_a_person());
    engine.handle(Input::NobodyPresses);
    assert!(engine.is_finished());
    let postponed = RunnerState::Postponed;
    assert_eq!(states(&engine), [postponed, postponed, postponed, RunnerState::Success]);
}

#[test]
fn cancelling_stops_what_runs_and_cancels_the_rest() {
    let files = [(From::Image("host"), vec![run("a")]), (From::File(0), vec![run("b")])];
    let mut engine = engine(&files, OnFailure::KeepGoing);
    engine.begin();
    assert!(engine.handle(Input::Cancel).contains(&Effect::Stop(StretchId(0))));
    engine.handle(Input::Finished(StretchId(0), Outcome::Cancelled));
    assert_eq!(states(&engine), [RunnerState::Cancelled, RunnerState::Cancelled]);
    assert!(engine.is_finished());
}
