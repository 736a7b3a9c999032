//! Random plans under random edits: a cached run ends where a run from nothing ends.

use super::{Bench, copy, step};
use crate::event::RunOutcome;
use crate::model::machine::ModelBackend;
use crate::model::plans::{From, Line, plan};
use proptest::prelude::*;
use std::sync::Arc;

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
