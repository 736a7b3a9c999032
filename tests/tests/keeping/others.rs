//! `layerc gc` of what is not a result: images, bases, commits of other repositories, records of runs.

use layerc_tests::images::layout::{Compression, Layer, Layout};
use layerc_tests::images::root::{self, Tree};
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::repository::Repository;
use layerc_tests::skip::skipped;
use layerc_tests::workflow::{Ran, Workflow, can_run};
use serde_json::json;
use std::process::Command;

/// A repository whose runners start from a layout and from an archive, and read a commit of another repository.
fn place() -> (Layout, Repository, Workflow) {
    let tree = Tree::with_programs();
    let layout = Layout::of(&[Layer::of(&tree, Compression::None)], &json!({}));
    let other = Repository::with(&[("file", "of another repository\n")]);
    other.commit("first");
    let clone = format!(
        "FROM test/archive:1\nCLONE {} /file /x/\nRUN cat /x/file\n",
        other.path().display()
    );
    let place = Workflow::with(&[
        ("a/Layerfile", "FROM test/layout:1\nRUN echo a\n"),
        ("b/Layerfile", &clone),
    ]);
    place.repository.write(
        "layerc.toml",
        &format!(
            "[images]\n\"test/layout:1\" = \"oci-layout:{}\"\n\"test/archive:1\" = \"rootfs:root.tar\"\n",
            layout.path().display()
        ),
    );
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(place.repository.join("root.tar")).arg("-C").arg(tree.path("")).arg(".");
    assert!(tar.status().expect("tar starts").success());
    place.repository.commit("own");
    (layout, other, place)
}

fn collect(place: &Workflow, keep: &str) -> String {
    let mut command = layerc(["gc", "--keep-storage", keep, "--store"]);
    command.arg(place.store()).current_dir(place.repository.path());
    Outcome::of(&mut command).expect_success("layerc gc").stdout
}

/// How many things of each kind lie in the store.
fn things(place: &Workflow) -> [usize; 4] {
    let count = |path: &str, wanted: fn(&str) -> bool| {
        let entries = std::fs::read_dir(place.store().join(path)).into_iter().flatten().flatten();
        entries.filter(|entry| wanted(&entry.file_name().to_string_lossy())).count()
    };
    let is_base = |name: &str| name.starts_with("rootfs-") && !name.ends_with(".about");
    let clones = std::fs::read_dir(place.store().join("clones")).into_iter().flatten().flatten();
    let trees = clones.map(|entry| format!("clones/{}/trees", entry.file_name().to_string_lossy()));
    let trees = trees.map(|path| count(&path, |_| true)).sum();
    [count("images/names", |_| true), count("bases", is_base), trees, count("history", |_| true)]
}

#[test]
fn everything_that_comes_back_goes_when_it_must() {
    if let Some(obstacle) = root::obstacle() {
        return skipped("everything_that_comes_back_goes_when_it_must", &obstacle);
    }
    if !can_run("everything_that_comes_back_goes_when_it_must") {
        return;
    }
    let (_layout, _other, place) = place();
    let first = place.run().expect_success();
    assert_eq!(first.printed("b"), "of another repository\n");
    for _ in 0..10 {
        let again = Outcome::of(&mut place.command());
        assert_eq!(again.code(), 0, "{}", again.everything());
    }
    assert_eq!(things(&place), [1, 1, 1, 11]);
    let told = collect(&place, "20G");
    assert!(told.starts_with("0 B freed, "), "{told}");
    assert_eq!(things(&place), [1, 1, 1, 11]);
    let told = collect(&place, "0");
    assert_eq!(things(&place), [0, 0, 0, 10], "{told}");
    for line in ["images", "bases", "clones", "runs"] {
        assert!(told.contains(&format!("\n  {line} ")), "{told}");
    }
    let again = place.run_with(&["--no-cache"]).expect_success();
    assert_eq!(again.printed("b"), "of another repository\n");
    assert_eq!(things(&place), [1, 1, 1, 11]);
}

#[test]
fn what_a_run_stands_on_stays() {
    if let Some(obstacle) = root::obstacle() {
        return skipped("what_a_run_stands_on_stays", &obstacle);
    }
    if !can_run("what_a_run_stands_on_stays") {
        return;
    }
    let (_layout, _other, place) = place();
    place.run().expect_success();
    for name in ["a", "b"] {
        let path = format!("{name}/Layerfile");
        let text = std::fs::read_to_string(place.repository.join(&path)).expect("a Layerfile");
        let waiting = "RUN while ! test -e /srv/never && test $SECONDS -lt 2; do busybox sleep 0.05; done; test ! -e /x/file || cat /x/file\n";
        place.repository.write(&path, &format!("{text}{waiting}"));
    }
    let mut command = place.command();
    let run =
        std::thread::spawn(move || Ran { outcome: Outcome::of(&mut command), events: Vec::new() });
    let mut seen = [0; 4];
    while !run.is_finished() {
        collect(&place, "0");
        let now = things(&place);
        for (most, count) in seen.iter_mut().zip(now) {
            *most = (*most).max(count);
        }
    }
    run.join().expect("a run").expect_success();
    // More for a moment, while two runners make the same.
    let was_there = seen.iter().zip([1, 1, 1, 2]).all(|(most, least)| *most >= least);
    assert!(was_there, "what comes back was there again: {seen:?}");
}
