//! `layerc gc`: room is made from the least recently used end, and never under the feet of a run.

use crate::store_files::layer_directories;
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::workflow::{Workflow, can_run};
use std::process::Stdio;

const NONE: [&str; 0] = [];

fn collect(place: &Workflow, keep: &str) -> Outcome {
    let mut command = layerc(["gc", "--keep-storage", keep, "--store"]);
    Outcome::of(command.arg(place.store()).current_dir(place.repository.path()))
        .expect_success("layerc gc")
}

/// Three steps whose layers take a megabyte each, after a file that decides.
fn megabytes() -> Workflow {
    let text = "FROM vm/ubuntu:22.04\nCOPY a /a\nRUN cat /a; head -c 1M /dev/urandom > /1\nRUN head -c 1M /dev/urandom > /2\n\
                RUN head -c 1M /dev/urandom > /3\n";
    Workflow::with(&[("Layerfile", text), ("a", "1")])
}

#[test]
fn the_least_recently_used_goes_first() {
    if !can_run("the_least_recently_used_goes_first") {
        return;
    }
    let place = megabytes();
    place.ran();
    place.repository.write("a", "2");
    place.ran();
    assert_eq!(layer_directories(place.store()).len(), 6);
    let told = collect(&place, "4M").stdout;
    let whole = told.lines().next().unwrap_or_default();
    assert!(whole.contains(" freed, 3.") && whole.ends_with(" MiB kept"), "{told}");
    assert!(told.contains("results forgotten, "), "{told}");
    assert_eq!(place.ran(), NONE, "the newer state is all there");
    place.repository.write("a", "1");
    assert!(!place.ran().is_empty());
    collect(&place, "0");
    assert!(layer_directories(place.store()).is_empty());
    assert_eq!(place.ran().len(), 3, "and everything can be made again");
    assert_eq!(place.ran(), NONE);
    collect(&place, "20G");
    assert_eq!(place.ran(), NONE);
}

#[test]
fn runs_that_are_alive_keep_what_they_are_made_of() {
    if !can_run("runs_that_are_alive_keep_what_they_are_made_of") {
        return;
    }
    let place = megabytes();
    place.ran();
    let text = std::fs::read_to_string(place.repository.join("Layerfile")).expect("the Layerfile");
    let longer = format!(
        "{text}RUN while ! test -e /a/never && test $SECONDS -lt 4; do sleep 0.05; done; wc -c < /1; wc -c < /2\n"
    );
    place.repository.write("Layerfile", &longer);
    // Not compared with a plan: what the plan saw may be collected before the run begins.
    let mut command = place.command();
    let run = std::thread::spawn(move || Outcome::of(&mut command));
    let mut collections = 0;
    while !run.is_finished() {
        collect(&place, "0");
        collections += 1;
    }
    let run = run.join().expect("a run").expect_success("layerc run");
    assert_eq!(run.stdout.matches("1048576\\n").count(), 2, "{}", run.everything());
    assert!(collections > 1);
    let told = collect(&place, "0").stdout;
    let left = layer_directories(place.store());
    assert!(left.is_empty(), "nobody needs them any more: {left:?}\n{told}");
}

#[test]
fn what_no_record_names_goes_and_what_is_half_removed_protects_nothing() {
    if !can_run("what_no_record_names_goes_and_what_is_half_removed_protects_nothing") {
        return;
    }
    let place = megabytes();
    place.ran();
    let named = layer_directories(place.store());
    let unnamed = place.store().join("layers/0123456789abcdef");
    std::fs::create_dir_all(unnamed.join("etc")).expect("a directory");
    // A machine's directory, removed by one who was killed right after its lock, and a run's likewise.
    let machine = place.store().join("runs/0123456789abcdef");
    std::fs::create_dir(&machine).expect("a directory");
    let names = named.iter().map(|layer| layer.file_name().unwrap().to_str().unwrap());
    std::fs::write(machine.join("layers"), names.collect::<Vec<_>>().join("\n")).expect("a file");
    let run = place.store().join("live/0123456789abcdef0123456789abcdef");
    std::fs::create_dir(&run).expect("a directory");
    let told = collect(&place, "20G").stdout;
    assert!(told.contains("0 results forgotten, 1 layers removed"), "{told}");
    assert!(!unnamed.exists() && !machine.exists());
    collect(&place, "0");
    assert!(layer_directories(place.store()).is_empty());
    place.ran();
    assert!(!run.exists());
}

#[test]
fn a_run_that_waits_for_a_person_keeps_its_states() {
    if !can_run("a_run_that_waits_for_a_person_keeps_its_states") {
        return;
    }
    let place = megabytes();
    let text = std::fs::read_to_string(place.repository.join("Layerfile")).expect("the Layerfile");
    place.repository.write("Layerfile", &format!("{text}BUTTON go on?\nRUN wc -c < /3\n"));
    assert_eq!(place.run().outcome.code(), 4, "it waits");
    collect(&place, "0");
    let resumed = place.run_with(&["--accept-buttons"]).expect_success();
    assert_eq!(resumed.started(), ["main-layerfile:5 new"]);
}

#[test]
fn a_collection_killed_at_any_moment_leaves_a_store_that_tells_the_truth() {
    if !can_run("a_collection_killed_at_any_moment_leaves_a_store_that_tells_the_truth") {
        return;
    }
    let place = megabytes();
    for wait in [1, 4, 8, 15, 30] {
        place.ran();
        let mut command = layerc(["gc", "--keep-storage", "0", "--store"]);
        command.arg(place.store()).current_dir(place.repository.path()).stdout(Stdio::null());
        let mut collection = command.spawn().expect("a collection");
        std::thread::sleep(std::time::Duration::from_millis(wait));
        collection.kill().expect("a signal");
        collection.wait().expect("an end");
        place.run().expect_success();
        assert_eq!(place.ran(), NONE);
    }
    collect(&place, "0");
    assert!(layer_directories(place.store()).is_empty());
}
