//! CACHE: what steps leave in a cached directory is there for the next run, never in a layer, never a reason to run.

use crate::store_files::{holds, layer_directories};
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::workflow::{Ran, Workflow, can_run};
use std::path::Path;

const NONE: [&str; 0] = [];

/// A step that counts in the cache how often it ran; `t` makes it run.
const COUNTS: &str = "FROM vm/ubuntu:22.04\nCACHE /var/kept\nCOPY t /t\nRUN cat /t; ls /var/kept; echo precious-text > /var/kept/$(cat /t)\n";

fn counting() -> Workflow {
    Workflow::with(&[("Layerfile", COUNTS), ("t", "a\n")])
}

fn cache_command(place: &Workflow, arguments: &[&str]) -> Outcome {
    let mut command = layerc(["cache"]);
    command.args(arguments).arg("--store").arg(place.store()).current_dir(place.repository.path());
    Outcome::of(&mut command)
}

#[test]
fn what_a_run_leaves_is_there_for_the_next_and_runs_nothing() {
    if !can_run("what_a_run_leaves_is_there_for_the_next_and_runs_nothing") {
        return;
    }
    let place = counting();
    assert_eq!(place.run().expect_success().printed("main-layerfile"), "a\n");
    assert_eq!(place.ran(), NONE, "a cached step stays cached when the cache changes");
    place.repository.write("t", "b\n");
    assert_eq!(place.run().expect_success().printed("main-layerfile"), "b\na\n");
    place.repository.write("t", "c\n");
    assert_eq!(place.run().expect_success().printed("main-layerfile"), "c\na\nb\n");
    assert_eq!(place.ran(), NONE);
    let layers = layer_directories(place.store());
    assert!(!layers.is_empty());
    assert!(!layers.iter().any(|layer| holds(layer, b"precious-text")), "leaked into a layer");
    assert!(holds(&place.store().join("caches"), b"precious-text"));
}

#[test]
fn later_steps_and_children_see_what_earlier_ones_left() {
    if !can_run("later_steps_and_children_see_what_earlier_ones_left") {
        return;
    }
    let place = Workflow::with(&[
        (
            "base/Layerfile",
            "FROM vm/ubuntu:22.04\nWORKDIR /w\nCACHE modules ~/.c\nRUN echo one > modules/one; mkdir ~/.c/d\nRUN cat modules/one; ls ~/.c; \
             rm modules/one; echo two > modules/two\n",
        ),
        ("child/Layerfile", "FROM ../base\nRUN ls modules /w\n"),
    ]);
    let run = place.run().expect_success();
    assert_eq!(run.printed("base"), "one\nd\n");
    assert_eq!(run.printed("child"), "/w:\nmodules\n\nmodules:\ntwo\n");
    place.repository.write("child/Layerfile", "FROM ../base\nRUN ls modules; stat -c %U modules\n");
    assert_eq!(place.run().expect_success().printed("child"), "two\nroot\n");
}

#[test]
fn a_failed_step_leaves_the_version_before() {
    if !can_run("a_failed_step_leaves_the_version_before") {
        return;
    }
    let place = counting();
    place.ran();
    let bad = COUNTS.replace("RUN", "RUN rm /var/kept/a; echo bad > /var/kept/bad; exit 3 #");
    place.repository.write("Layerfile", &bad);
    assert_eq!(place.run().outcome.code(), 1);
    place.repository.write("Layerfile", COUNTS);
    place.repository.write("t", "b\n");
    assert_eq!(place.run().expect_success().printed("main-layerfile"), "b\na\n");
}

#[test]
fn a_user_owns_a_new_cache_and_many_versions_are_one() {
    if !can_run("a_user_owns_a_new_cache_and_many_versions_are_one") {
        return;
    }
    let mut text =
        "FROM vm/ubuntu:22.04\nUSER builder\nWORKDIR ~\nCACHE ~/.cache/tool\n".to_owned();
    for number in 0..24 {
        text.push_str(&format!(
            "RUN echo {number} > .cache/tool/{number}; rm -f .cache/tool/{}\n",
            number - 2
        ));
    }
    text.push_str("RUN ls .cache/tool; stat -c %U .cache/tool .cache\n");
    let place = Workflow::with(&[("Layerfile", &text)]);
    let expected = "22\n23\nbuilder\nbuilder\n";
    assert_eq!(place.run().expect_success().printed("main-layerfile"), expected);
    let listed = cache_command(&place, &["ls"]);
    assert!(listed.stdout.contains("~/.cache/tool"), "{}", listed.everything());
    let told = cache_command(&place, &["ls", "--format", "json"]).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).expect("one object");
    assert_eq!((&told["path"], &told["users"]), (&"~/.cache/tool".into(), &0.into()), "{told}");
    let again = text.replace("RUN ls", "RUN true; ls");
    place.repository.write("Layerfile", &again);
    assert_eq!(place.run().expect_success().printed("main-layerfile"), expected);
    let id = listed.stdout.split_whitespace().next().expect("an id");
    let kept = std::fs::read_dir(place.store().join("caches").join(id).join("layers"));
    assert!(kept.expect("layers").count() <= 2 * 17, "unneeded versions are removed");
}

#[test]
fn runs_at_the_same_time_do_not_disturb_each_other() {
    if !can_run("runs_at_the_same_time_do_not_disturb_each_other") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nCACHE /c\nSPLIT 6\nRUN test -z \"$(ls /c)\" || test $(cat /c/*) = whole; \
                rm -rf /c/*; echo half > /c/$SPLIT; sleep 0.2; test $(ls /c) = $SPLIT; echo whole > /c/$SPLIT\n";
    let place = Workflow::with(&[("Layerfile", text)]);
    let runs: Vec<_> = (0..3)
        .map(|_| {
            let mut command = place.command();
            command.args(["--no-cache", "--jobs", "3"]);
            std::thread::spawn(move || Ran::of(&mut command))
        })
        .collect();
    for run in runs {
        let run = run.join().expect("a run");
        assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
    }
    let last = "FROM vm/ubuntu:22.04\nCACHE /c\nRUN cat /c/*; ls /c | wc -l\n";
    place.repository.write("Layerfile", last);
    assert_eq!(place.run().expect_success().printed("main-layerfile"), "whole\n1\n");
}

#[test]
fn a_run_killed_at_any_moment_leaves_a_usable_cache() {
    if !can_run("a_run_killed_at_any_moment_leaves_a_usable_cache") {
        return;
    }
    // Both files change together, so a version that is half of one is seen.
    let step = "test \"$(cat /c/x 2>/dev/null)\" = \"$(cat /c/y 2>/dev/null)\" || exit 9; n=$(date +%N); echo $n > /c/x; echo $n > /c/y\n";
    let text = format!("FROM vm/ubuntu:22.04\nCACHE /c\nRUN {step}RUN {step}RUN {step}");
    let place = Workflow::with(&[("Layerfile", &text)]);
    place.ran();
    for wait in (20..400).step_by(45) {
        let mut command = place.command();
        let mut run =
            command.arg("--no-cache").stdout(std::process::Stdio::null()).spawn().expect("a run");
        std::thread::sleep(std::time::Duration::from_millis(wait));
        run.kill().expect("a signal");
        run.wait().expect("an end");
    }
    place.run_with(&["--no-cache"]).expect_success();
    assert_eq!(trash(place.store()), 0, "what killed runs left is removed");
}

fn trash(store: &Path) -> usize {
    std::fs::read_dir(store.join("caches/trash")).expect("trash").count()
}

#[test]
fn caches_are_listed_removed_and_limited() {
    if !can_run("caches_are_listed_removed_and_limited") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nCACHE /big /small\nRUN head -c 3M /dev/urandom > /big/x; echo y > /small/y\n";
    let place = Workflow::with(&[("Layerfile", text)]);
    place.ran();
    let listed = cache_command(&place, &["ls"]);
    let big = listed.stdout.lines().find(|line| line.contains("/big")).expect("a line");
    assert!(big.contains("3.0 MiB") && big.contains("vm/ubuntu:22.04"), "{big}");
    let removed = cache_command(&place, &["rm", "/big"]).expect_success("cache rm");
    assert!(removed.stdout.starts_with("forgot /big of "), "{}", removed.stdout);
    assert!(!cache_command(&place, &["ls"]).stdout.contains("/big"));
    assert_eq!(cache_command(&place, &["rm", "/big"]).code(), 2);
    place.run_with(&["--no-cache"]).expect_success();
    place.run_with(&["--no-cache", "--cache-size", "1M"]).expect_success();
    assert!(!cache_command(&place, &["ls"]).stdout.contains("/big"), "over the limit");
    let _ = cache_command(&place, &["prune", "--size", "0"]).expect_success("cache prune");
    assert_eq!(cache_command(&place, &["ls"]).stdout, "no caches\n");
}

#[test]
fn a_copy_under_a_cache_is_refused_and_daemons_are_told_of() {
    if !can_run("a_copy_under_a_cache_is_refused_and_daemons_are_told_of") {
        return;
    }
    let place = Workflow::with(&[
        ("Layerfile", "FROM vm/ubuntu:22.04\nWORKDIR /w\nCACHE c\nCOPY x c/x\n"),
        ("x", ""),
    ]);
    let refused = place.run();
    assert_eq!(refused.outcome.code(), 1);
    assert!(refused.complaints()[0].contains("`/w/c` is a CACHE"), "{:?}", refused.complaints());
    let daemon = "FROM vm/ubuntu:22.04\nRUN sleep 987 > /dev/null 2>&1 &\nCACHE /c\nRUN ls /c; echo x > /c/x\nRUN cat /c/x; pkill sleep\n";
    place.repository.write("Layerfile", daemon);
    let run = place.run_with(&["--no-cache"]).expect_success();
    assert_eq!(run.printed("main-layerfile"), "x\n");
    assert!(
        run.outcome.stdout.contains("is not kept while processes live on (sleep)"),
        "{}",
        run.outcome.stdout
    );
    // At the end nobody lives any more.
    assert_eq!(
        place.run_with(&["--no-cache"]).expect_success().printed("main-layerfile"),
        "x\nx\n"
    );
}
