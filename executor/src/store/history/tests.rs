//! Runs leave a record that can be read while they go on, after they ended and after they were killed.

use super::*;
use crate::event::{Event, TimedEvent};

fn header(store: &Store) -> Header {
    Header {
        run: RunName::of(store.run().id()),
        started_at_ms: 5,
        program: "1".to_owned(),
        repository: "/r".to_owned(),
        checkout: Checkout::default(),
        images: BTreeMap::from([("a".to_owned(), ImageSource::Host)]),
        variables: BTreeMap::new(),
        executor: crate::backend::ExecutorKind::default(),
        job: "7".to_owned(),
    }
}

fn asked(number: u32) -> TimedEvent {
    let (runner, layerfile) = ("main".to_owned(), "Layerfile".to_owned());
    let message = "go?".to_owned();
    TimedEvent { elapsed_ms: 1, event: Event::ButtonAsked { runner, number, layerfile, message } }
}

#[test]
fn buttons_are_pressed_from_outside_and_stay_pressed_when_a_run_is_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let header = header(&store);
    let mut recording = RunRecording::begin(&store, &header, b"").unwrap();
    recording.hear(&asked(2));
    recording.hear(&asked(1));
    let run = History::of(&store).get(&header.run).unwrap();
    let unpressed =
        || -> Vec<u32> { run.unpressed().unwrap().iter().map(|button| button.number).collect() };
    assert_eq!(unpressed(), [1, 2]);
    run.pressed().press(1, "layerc press").unwrap();
    assert_eq!(unpressed(), [2]);
    recording.hear(&finished());
    drop(recording);
    let mut resumed = RunRecording::begin(&store, &header, b"").unwrap();
    assert_eq!(run.status(), Status::Running);
    resumed.hear(&asked(2));
    assert_eq!(unpressed(), [2]);
    assert_eq!(History::of(&store).pressed(&header.run).by(1).as_deref(), Some("layerc press"));
}

fn note(text: &str) -> TimedEvent {
    TimedEvent { elapsed_ms: 1, event: Event::Note { text: text.to_owned() } }
}

fn finished() -> TimedEvent {
    let event = Event::RunFinished {
        outcome: RunOutcome::Failure,
        steps_run: 2,
        steps_cached: 3,
        runners: Vec::new(),
    };
    TimedEvent { elapsed_ms: 9, event }
}

#[test]
fn a_record_says_how_the_run_stands() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let header = header(&store);
    assert_eq!(History::of(&store).runs().unwrap().len(), 0);
    let mut recording = RunRecording::begin(&store, &header, b"plan").unwrap();
    recording.hear(&note("one"));
    let run = History::of(&store).get(&header.run).unwrap();
    assert_eq!((run.header(), run.plan().unwrap().as_slice()), (&header, &b"plan"[..]));
    assert_eq!(run.status(), Status::Running);
    assert_eq!(run.events().unwrap().collect::<Vec<_>>(), [note("one")]);
    drop(recording);
    assert_eq!(run.status(), Status::Died);
    let mut recording = RunRecording::begin(&store, &header, b"plan").unwrap();
    recording.hear(&finished());
    assert!(recording.finish().is_none());
    let end = End { outcome: RunOutcome::Failure, elapsed_ms: 9, steps_run: 2, steps_cached: 3 };
    assert_eq!(run.status(), Status::Ended(end));
}

#[test]
fn damage_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let header = header(&store);
    let mut recording = RunRecording::begin(&store, &header, b"").unwrap();
    recording.hear(&note("one"));
    let run = History::of(&store).get(&header.run).unwrap();
    fs::write(
        run.directory().join(EVENTS),
        b"{\"elapsed_ms\":1,\"ev\n{\"elapsed_ms\":1,\"event\":\"note\",\"text\":\"x\"}\n\xff",
    )
    .unwrap();
    assert_eq!(run.events().unwrap().collect::<Vec<_>>(), [note("x")]);
    fs::write(run.directory().join(HEADER), b"{").unwrap();
    assert!(History::of(&store).runs().unwrap().is_empty());
}

#[test]
fn only_the_newest_records_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let own = header(&store);
    for number in 0u8..=255 {
        let run = RunName::of(crate::store::runs::RunId([number; 16]));
        fs::create_dir_all(History::of(&store).directory(&run)).unwrap();
    }
    RunRecording::begin(&store, &own, b"").unwrap();
    let names = History::of(&store).names().unwrap();
    assert!(names.contains(&own.run) && names.len() <= 201, "{}", names.len());
}

#[test]
fn what_is_checked_out_is_read_from_gits_files() {
    let commit = "0123456789012345678901234567890123456789";
    let directory = tempfile::tempdir().unwrap();
    let git = directory.path().join(".git");
    let write = |path: &str, text: &str| {
        let path = git.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    assert_eq!(Checkout::of(directory.path()), Checkout::default());
    write("HEAD", "ref: refs/heads/a/b\n");
    let on_branch = |commit: Option<&str>| Checkout {
        commit: commit.map(str::to_owned),
        branch: Some("a/b".to_owned()),
    };
    assert_eq!(Checkout::of(directory.path()), on_branch(None));
    write("packed-refs", &format!("# pack-refs\n{commit} refs/heads/a/b\n"));
    assert_eq!(Checkout::of(directory.path()), on_branch(Some(commit)));
    write("refs/heads/a/b", &format!("{}\n", commit.replace('0', "f")));
    assert_eq!(Checkout::of(directory.path()), on_branch(Some(&commit.replace('0', "f"))));
    write("HEAD", commit);
    let detached = Checkout { commit: Some(commit.to_owned()), branch: None };
    assert_eq!(Checkout::of(directory.path()), detached);
}
