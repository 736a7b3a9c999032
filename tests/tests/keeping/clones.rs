//! CLONE: another repository's files, served and watched like the own ones.

use layerc_tests::repository::Repository;
use layerc_tests::workflow::{Workflow, can_run};

const NONE: [&str; 0] = [];

/// Another repository, and a Layerfile that reads one of its files.
fn places(default: &str) -> (Repository, Workflow) {
    let other = Repository::with(&[
        ("src/read.txt", "main text\n"),
        ("src/unread.txt", "x\n"),
        ("tool.sh", "#!/bin/sh\necho from the tool\n"),
    ]);
    other.set_mode("tool.sh", 0o755);
    other.commit("first");
    let url = other.path().display();
    let place = Workflow::with(&[(
        "Layerfile",
        &format!(
            "FROM vm/ubuntu:22.04\nCLONE {url} {default} /src /tool.sh /lib/\nRUN cat /lib/read.txt; /lib/tool.sh\n"
        ),
    )]);
    place.repository.commit("own");
    (other, place)
}

#[test]
fn only_files_really_read_run_a_step_again() {
    if !can_run("only_files_really_read_run_a_step_again") {
        return;
    }
    let (other, place) = places("DEFAULT=main");
    let run = place.run().expect_success();
    assert_eq!(run.printed("main-layerfile"), "main text\nfrom the tool\n");
    assert_eq!(place.ran(), NONE);
    other.write("src/unread.txt", "y\n");
    other.write("new.txt", "");
    other.commit("second");
    assert_eq!(place.ran(), NONE, "another commit, but nothing of it was read");
    other.write("src/read.txt", "changed\n");
    other.commit("third");
    let run = place.run().expect_success();
    let started = run.started().join("\n");
    assert!(started.starts_with("main-layerfile:2 "), "{started}");
    assert!(started.ends_with(" src/read.txt content by cat"), "{started}");
    assert_eq!(run.printed("main-layerfile"), "changed\nfrom the tool\n");
    other.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    assert_eq!(place.ran(), NONE, "an earlier commit is still known");
}

#[test]
fn the_branch_of_the_same_name_is_taken_or_the_default_one_or_the_remote_s_own() {
    if !can_run("the_branch_of_the_same_name_is_taken_or_the_default_one_or_the_remote_s_own") {
        return;
    }
    let (other, place) = places("DEFAULT=main");
    other.git(&["checkout", "--quiet", "-b", "feature/x"]);
    other.write("src/read.txt", "feature text\n");
    other.commit("feature");
    let printed = || place.run().expect_success().printed("main-layerfile");
    assert!(printed().starts_with("main text\n"));
    place.repository.git(&["checkout", "--quiet", "-b", "feature/x"]);
    assert!(printed().starts_with("feature text\n"));
    place.repository.git(&["checkout", "--quiet", "-b", "nowhere"]);
    assert_eq!(printed(), "", "the default branch is known already");
    let text = place.repository.path().join("Layerfile");
    let layerfile = std::fs::read_to_string(&text).expect("the Layerfile");
    place.repository.write("Layerfile", &layerfile.replace("DEFAULT=main ", ""));
    let run = place.run().expect_success();
    assert!(
        run.printed("main-layerfile").starts_with("feature text\n"),
        "what the other has checked out"
    );
    assert!(run.complaints()[0].contains("it has no branch `nowhere`"), "{:?}", run.complaints());
    place.repository.write("Layerfile", &layerfile.replace("DEFAULT=main", "DEFAULT=gone"));
    let refused = place.run();
    assert_eq!(refused.outcome.code(), 1);
    let text = refused.complaints()[0];
    assert!(text.contains("has no branch `nowhere` or `gone`"), "{text}");
    assert!(text.starts_with("Layerfile:2: `CLONE "), "{text}");
}

#[test]
fn without_the_other_repository_the_run_says_what_to_do() {
    if !can_run("without_the_other_repository_the_run_says_what_to_do") {
        return;
    }
    let (other, place) = places("");
    place.ran();
    drop(other);
    let run = place.run();
    assert_eq!(run.outcome.code(), 1);
    let text = run.complaints()[0];
    assert!(text.contains("cannot reach `/") && text.contains("--without"), "{text}");
    place.repository.write(
        "Layerfile",
        "FROM vm/ubuntu:22.04\nCLONE https://localhost:9/x.git DEFAULT=main /x\nRUN ls /x\n",
    );
    let run = place.run();
    assert_eq!(run.outcome.code(), 1);
    assert!(
        run.complaints()[0].contains("cannot reach `https://localhost:9/x.git`"),
        "{:?}",
        run.complaints()
    );
    place
        .repository
        .write("Layerfile", "FROM vm/ubuntu:22.04\nCLONE ext::sh%20-c%20true /x\nRUN ls /x\n");
    assert_eq!(place.run().outcome.code(), 1, "no address runs a command");
}

#[test]
fn everything_is_taken_without_sources_and_children_and_copies_share_it() {
    if !can_run("everything_is_taken_without_sources_and_children_and_copies_share_it") {
        return;
    }
    let (other, place) = places("");
    let url = other.path().display();
    place.repository.write(
        "Layerfile",
        &format!("FROM vm/ubuntu:22.04\nWORKDIR /w\nCLONE {url} lib\nRUN sed -i s/main/own/ lib/src/read.txt\n"),
    );
    place.repository.write(
        "child/Layerfile",
        "FROM ..\nSPLIT 2\nRUN find lib -type f | LC_ALL=C sort; cat lib/src/read.txt\n",
    );
    let run = place.run().expect_success();
    let expected = "lib/src/read.txt\nlib/src/unread.txt\nlib/tool.sh\nown text\n";
    assert_eq!(
        (run.printed("child").as_str(), run.printed("child-2").as_str()),
        (expected, expected)
    );
    assert_eq!(place.ran(), NONE);
    let missing = format!("FROM vm/ubuntu:22.04\nCLONE {url} /missing /lib/\n");
    place.repository.write("Layerfile", &missing);
    let refused = place.run();
    assert!(
        refused.complaints()[0].contains("missing` does not exist"),
        "{:?}",
        refused.complaints()
    );
}
