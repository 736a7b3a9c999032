//! The store keeps what it was given, through reopening, sharing and dying.

use super::Store;
use super::index::Entry;
use super::orphans;
use super::record::{MachineState, Record, Snapshot, StrongKey, TextKey, WeakKey};
use super::runs::Cleanup;
use crate::backend::{Layer, LayerId};
use crate::read_set::{Answer, Fingerprint, Question, ReadSet, Reader, TrackedPath};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

fn entry(weak: u8, strong: u8, recorded_at: u64) -> Entry {
    let reader = Reader { command: "cat".to_owned(), pid: 7 };
    let answer = Answer { fingerprint: Fingerprint([strong; 32]), reader };
    let reads = BTreeMap::from([((TrackedPath::new("a/b"), Question::Content), answer)]);
    Entry {
        record: Record {
            weak: WeakKey([weak; 32]),
            strong: StrongKey([strong; 32]),
            recorded_at,
            run: super::runs::RunId([0; 16]),
            state: MachineState::default(),
            snapshot: Snapshot::Taken(Vec::new()),
            milliseconds: 3,
            started_from: None,
        },
        reads: ReadSet { answers: reads },
        output: b"hello\n".to_vec(),
        text: TextKey([9; 32]),
        keyed: Vec::new(),
        branch: Some([1; 8]),
    }
}

#[test]
fn records_come_back_newest_first_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.index().store(&[entry(1, 1, 10), entry(1, 2, 20), entry(2, 3, 30)]).unwrap();
    let key = *store.secret_key();
    drop(store);
    let store = Store::open(directory.path()).unwrap();
    let view = store.index().view().unwrap();
    let found = view.candidates(WeakKey([1; 32])).unwrap();
    assert_eq!(found.iter().map(|record| record.strong.0[0]).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(view.reads(StrongKey([2; 32])).unwrap(), Some(entry(1, 2, 20).reads));
    assert_eq!(view.output(StrongKey([2; 32])).unwrap().as_deref(), Some(&b"hello\n"[..]));
    let newest = view.newest_by_text(TextKey([9; 32]), Some([1; 8])).unwrap().unwrap();
    assert_eq!(newest.strong, StrongKey([3; 32]));
    assert_eq!(store.secret_key(), &key);
    assert_eq!(store.run().cleanup(), Cleanup::Clean);
}

#[test]
fn a_question_keeps_only_its_newest_answers() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    for strong in 0..40 {
        store.index().store(&[entry(1, strong, u64::from(strong))]).unwrap();
    }
    let view = store.index().view().unwrap();
    let found = view.candidates(WeakKey([1; 32])).unwrap();
    assert_eq!(found.len(), 32);
    assert_eq!(found[31].strong.0[0], 8);
    assert_eq!(view.reads(StrongKey([7; 32])).unwrap(), None);
}

#[test]
fn what_a_dead_run_left_is_removed_and_a_live_one_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let alive = Store::open(directory.path()).unwrap();
    let dead = directory.path().join("live/dead");
    std::fs::create_dir(&dead).unwrap();
    std::fs::write(dead.join("lock"), "").unwrap();
    let copy = alive.run().directory().to_owned();
    let index = directory.path().join("index");
    drop(alive);
    assert!(!copy.exists(), "a run that ends removes its directory");
    let store = Store::open(directory.path()).unwrap();
    assert!(!dead.exists());
    assert!(index.exists());
    assert_eq!(store.run().cleanup(), Cleanup::AloneAfterCrash);
}

#[test]
fn layers_without_a_record_are_removed_after_a_crash_only() {
    let directory = tempfile::tempdir().unwrap();
    let layers = directory.path().join("layers");
    let make = |name: &str| std::fs::create_dir_all(layers.join(name).join("etc")).unwrap();
    make("named");
    make("orphan");
    let store = Store::open(directory.path()).unwrap();
    let mut named = entry(1, 1, 1);
    named.record.snapshot = Snapshot::Taken(vec![Layer::Frozen(LayerId("named".to_owned()))]);
    store.index().store(&[named]).unwrap();
    let later = SystemTime::now() + Duration::from_secs(60);
    assert_eq!(orphans::remove(&store, &layers, later).unwrap(), 0, "nothing crashed");
    drop(store);
    let dead = directory.path().join("live/dead");
    std::fs::create_dir_all(&dead).unwrap();
    std::fs::write(dead.join("lock"), "").unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(orphans::remove(&store, &layers, SystemTime::UNIX_EPOCH).unwrap(), 0, "too young");
    assert_eq!(orphans::remove(&store, &layers, later).unwrap(), 1);
    assert!(layers.join("named").exists() && !layers.join("orphan").exists());
}
