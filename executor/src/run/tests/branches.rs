//! States that several start from and that no machine is in: one makes such a state again, the rest restore it.

use super::{Bench, NONE, copy, only, started, step};
use crate::backend::{Backend, Keeps, LayerId};
use crate::event::RunOutcome;
use crate::model::plans::{From, Line, plan};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

/// A bench whose machines are kept whole.
fn bench_of_machines(jobs: usize) -> Bench {
    let mut bench = Bench::new(&[("a", "1"), ("b", "1")]);
    bench.backend.keeps = Keeps::Machines;
    bench.jobs = NonZeroUsize::new(jobs).unwrap();
    bench
}

/// What ran only for its state: how often each step did, by its text.
fn repeated(bench: &Bench, plan: &layerc_planner::plan::Plan) -> BTreeMap<String, usize> {
    let (outcome, events) = bench.run(plan);
    assert_eq!(outcome, RunOutcome::Success, "{events:#?}");
    let mut counted = BTreeMap::new();
    for line in started(&events).iter().filter(|line| line.contains("its state is needed")) {
        let number = line.split([':', ' ']).nth(1).unwrap();
        *counted.entry(number.to_owned()).or_default() += 1;
    }
    counted
}

/// Whether a state is kept that nobody starts from depends on what it took: those are compared that both kept.
fn end_alike(one: &Bench, other: &Bench, plan: &layerc_planner::plan::Plan) {
    let (one, other) = (one.ends(plan), other.ends(plan));
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(&other) {
        assert!(one.is_none() || other.is_none() || one == other, "{one:#?}\n{other:#?}");
    }
}

fn base_steps() -> Vec<Line> {
    vec![copy("", "/app"), step("read /app/a; daemon db; write /x"), step("read /x; write /y")]
}

fn once(steps: &[&str]) -> BTreeMap<String, usize> {
    steps.iter().map(|step| ((*step).to_owned(), 1)).collect()
}

#[test]
fn a_state_that_was_never_kept_is_made_again_once_for_all_copies() {
    for jobs in [1, 2, 8] {
        let bench = bench_of_machines(jobs);
        assert_eq!(bench.ran(&only(base_steps())).len(), 3);
        let mut lines = base_steps();
        lines.extend([Line::Split(5, true), step("read /y; env SPLIT; write /z")]);
        let split = only(lines);
        assert_eq!(repeated(&bench, &split), once(&["1", "2", "3"]), "{jobs} at once");
        assert_eq!(bench.ran(&split), NONE);
        let fresh = bench_of_machines(jobs);
        fresh.run(&split);
        end_alike(&bench, &fresh, &split);
    }
}

#[test]
fn children_find_what_the_first_of_them_made_again_and_later_runs_too() {
    let bench = bench_of_machines(4);
    let child = |text: &str| (From::File(0), vec![step(text)]);
    bench.ran(&plan(&[(From::Image("host"), base_steps())]));
    let two = |suffix: &str| {
        let steps = ["one", "two", "three"].map(|name| format!("read /y; write /{name}{suffix}"));
        let mut files = vec![(From::Image("host"), base_steps())];
        files.extend(steps.iter().map(|text| child(text)));
        plan(&files)
    };
    assert_eq!(repeated(&bench, &two("")), once(&["1", "2", "3"]));
    assert_eq!(repeated(&bench, &two("-again")), BTreeMap::new(), "it was kept");
}

#[test]
fn a_state_whose_files_are_gone_is_made_again_once() {
    let bench = bench_of_machines(3);
    let mut lines = base_steps();
    lines.extend([Line::Split(3, true), step("env SPLIT; read /app/b; write /z")]);
    let plan = only(lines);
    assert_eq!(bench.ran(&plan).len(), 6);
    bench.backend.lost.lock().unwrap().insert(LayerId("layer-0".to_owned()));
    bench.repository.write("b", "2");
    assert_eq!(repeated(&bench, &plan), once(&["1", "2", "3"]));
}

#[test]
fn what_checkpoint_forbids_is_not_kept_for_copies_either() {
    let bench = bench_of_machines(2);
    let unkept = |lines: Vec<Line>| -> Vec<Line> {
        let unkept = |line| match line {
            Line::Do(action) => Line::Unkept(action),
            other => other,
        };
        lines.into_iter().map(unkept).collect()
    };
    bench.ran(&only(unkept(base_steps())));
    let mut lines = unkept(base_steps());
    lines.extend([Line::Split(2, true), step("env SPLIT; write /z")]);
    let counted = repeated(&bench, &only(lines));
    assert!(counted.values().all(|times| *times == 2), "each copy for itself: {counted:?}");
}

/// Steps that write, each what the last one wrote and something of its own.
fn chain_of(name: &str, steps: usize) -> Vec<Line> {
    (0..steps)
        .map(|number| step(&format!("read /o; read /app/a; daemon {name}{number}; write /o")))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    /// A family of three generations, of which a part was run before, and some of whose states were lost.
    #[test]
    fn nothing_before_a_branch_is_made_again_twice(
        base in 1_usize..4,
        middle in 1_usize..4,
        copies in 1_u32..4,
        children in 1_usize..4,
        ran_before in 0_usize..3,
        lost in prop::collection::btree_set(0_usize..8, 0..4),
        jobs in 1_usize..6,
    ) {
        let mut root = chain_of("base", base);
        root.insert(0, copy("", "/app"));
        let mut files = vec![(From::Image("host"), root), (From::File(0), chain_of("middle", middle))];
        let bench = bench_of_machines(jobs);
        if ran_before > 0 {
            bench.ran(&plan(&files[..ran_before]));
        }
        for child in 0..children {
            let own = step(&format!("read /o; env SPLIT; write /child{child}"));
            files.push((From::File(1), vec![Line::Split(copies, true), own]));
        }
        let whole = plan(&files);
        for layer in lost {
            let layer = LayerId(format!("layer-{layer}"));
            if bench.backend.has_layer(&layer) {
                bench.backend.lost.lock().unwrap().insert(layer);
            }
        }
        let (outcome, events) = bench.run(&whole);
        prop_assert_eq!(outcome, RunOutcome::Success);
        let mut seen = std::collections::BTreeSet::new();
        for event in &events {
            if let crate::event::Event::StepStarted { step, .. } = event {
                let is_shared = step.layerfile.as_str() < "f2";
                let is_first = seen.insert((step.layerfile.clone(), step.number));
                prop_assert!(is_first || !is_shared, "{:?} ran twice: {:#?}", step, started(&events));
            }
        }
        let fresh = bench_of_machines(jobs);
        fresh.run(&whole);
        prop_assert_eq!(bench.ran(&whole), NONE);
        end_alike(&bench, &fresh, &whole);
    }
}
