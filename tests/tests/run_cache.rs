//! The cache rule through the built command, on real machines: exactly the right steps run, and for the right reason.

use layerc_executor::event::Event;
use layerc_tests::workflow::{Ran, Workflow, can_run};
use std::path::Path;

const NONE: [&str; 0] = [];

const LAYERFILE: &str = "\
FROM vm/ubuntu:22.04
COPY . /app
WORKDIR /app
RUN cat a > /out-a
RUN ls src > /out-b; cat .npmrc || true
RUN test -x c; echo $? > /out-c
";

fn place() -> Workflow {
    let files = [("Layerfile", LAYERFILE), ("a", "1"), ("c", "1"), ("src/x", "1"), ("unread", "1")];
    let place = Workflow::with(&files);
    assert_eq!(place.ran().len(), 4);
    assert_eq!(place.ran(), NONE);
    place
}

#[test]
fn unread_files_run_nothing() {
    if !can_run("unread_files_run_nothing") {
        return;
    }
    let place = place();
    place.repository.write("unread", "2");
    place.repository.write("src/x", "2");
    place.repository.set_mode("unread", 0o755);
    assert_eq!(place.ran(), NONE);
}

#[test]
fn each_kind_of_change_runs_who_asked_and_what_follows() {
    if !can_run("each_kind_of_change_runs_who_asked_and_what_follows") {
        return;
    }
    let place = place();
    place.repository.write("a", "2");
    assert_eq!(
        place.ran(),
        [
            "main-layerfile:3 a content by cat",
            "main-layerfile:4 follows",
            "main-layerfile:5 follows"
        ]
    );
    place.repository.write("src/y", "");
    assert_eq!(place.ran(), ["main-layerfile:4 src listing by ls", "main-layerfile:5 follows"]);
    place.repository.write(".npmrc", "");
    assert_eq!(
        place.ran(),
        ["main-layerfile:4 .npmrc appeared by cat", "main-layerfile:5 follows"]
    );
    place.repository.set_mode("c", 0o755);
    assert_eq!(place.ran(), ["main-layerfile:5 c attributes by bash"]);
    assert_eq!(place.ran(), NONE);
}

#[test]
fn both_of_two_commits_are_cached() {
    if !can_run("both_of_two_commits_are_cached") {
        return;
    }
    let place = place();
    place.repository.write("a", "2");
    place.ran();
    for text in ["1", "2", "1"] {
        place.repository.write("a", text);
        assert_eq!(place.ran(), NONE, "commit {text}");
    }
}

#[test]
fn after_a_restore_unread_files_are_the_new_commit_s() {
    if !can_run("after_a_restore_unread_files_are_the_new_commit_s") {
        return;
    }
    let place = Workflow::with(&[
        ("Layerfile", "FROM vm/ubuntu:22.04\nCOPY . /app\nRUN cat /app/a\n"),
        ("a", "1"),
        ("late", "old"),
        ("gone", ""),
    ]);
    place.ran();
    place.repository.write("late", "new text");
    place.repository.write("fresh", "");
    place.repository.remove("gone");
    place.repository.write(
        "Layerfile",
        "FROM vm/ubuntu:22.04\nCOPY . /app\nRUN cat /app/a\nRUN cat /app/late; ls /app\n",
    );
    let run = place.run();
    assert_eq!(run.started(), ["main-layerfile:3 new"]);
    assert_eq!(run.output("main-layerfile"), "new textLayerfile\na\nfresh\nlate\nlayerc.toml\n");
}

#[test]
fn files_that_steps_wrote_and_removed_are_restored() {
    if !can_run("files_that_steps_wrote_and_removed_are_restored") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nCOPY . /app\nRUN echo w > /app/new; rm /app/b; mkdir -m 700 /d; ln -s x /d/l\n";
    let place = Workflow::with(&[("Layerfile", text), ("a", "1"), ("b", "1")]);
    place.ran();
    let more = "RUN ls /app; cat /app/new; stat -c %a /d; readlink /d/l\n";
    place.repository.write("Layerfile", &format!("{text}{more}"));
    let run = place.run();
    assert_eq!(run.started(), ["main-layerfile:3 new"]);
    assert_eq!(run.output("main-layerfile"), "Layerfile\na\nlayerc.toml\nnew\nw\n700\nx\n");
}

#[test]
fn parents_waits_and_copies_run_in_order_and_once() {
    if !can_run("parents_waits_and_copies_run_in_order_and_once") {
        return;
    }
    let place = Workflow::with(&[
        ("base/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo base > /base\n"),
        (
            "unit/Layerfile",
            "FROM ../base\nSPLIT 2\nRUN cat /base; echo part $SPLIT of $SPLIT_NUM\n",
        ),
        ("deploy/Layerfile", "FROM ../base\nRUN echo early\nWAIT ../unit\nRUN echo deployed\n"),
    ]);
    let run = place.run_with(&["--jobs", "1"]);
    assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
    assert_eq!(run.started().len(), 5);
    assert_eq!(run.output("unit"), "base\npart 0 of 2\n");
    assert_eq!(run.output("unit-2"), "base\npart 1 of 2\n");
    assert_eq!(run.output("deploy"), "early\ndeployed\n");
    let ends = |runner: &str| {
        run.events.iter().rposition(
            |event| matches!(event, Event::StepFinished { runner: whose, .. } if whose == runner),
        )
    };
    assert!(ends("deploy") > ends("unit") && ends("deploy") > ends("unit-2"));
    assert_eq!(place.ran(), NONE);
}

#[test]
fn daemons_live_on_for_later_steps_and_children() {
    if !can_run("daemons_live_on_for_later_steps_and_children") {
        return;
    }
    let daemon = "RUN (while sleep 0.05; do echo tick >> /ticks; done) > /dev/null 2>&1 &";
    let base = format!(
        "FROM vm/ubuntu:22.04\nCOPY x /x/\nRUN touch /ticks\n{daemon}\nRUN sleep 0.3; wc -l < /ticks\n"
    );
    let child = "FROM ../base\nRUN cat /x/x; b=$(wc -l < /ticks); sleep 0.3; test $(wc -l < /ticks) -gt $b\n";
    let place =
        Workflow::with(&[("base/Layerfile", &base), ("a/Layerfile", child), ("base/x", "1")]);
    let run = place.run();
    assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
    assert_eq!(place.ran(), NONE);
    place.repository.write("base/x", "2");
    let run = place.run();
    assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
    assert!(run.started().contains(&"a:3 state_needed".to_owned()), "{:?}", run.started());
}

#[test]
fn files_can_be_copied_while_processes_live() {
    if !can_run("files_can_be_copied_while_processes_live") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nRUN sleep 86400.25 > /dev/null 2>&1 &\nCOPY d /x\nRUN cat /x/x; pgrep -c sleep\n";
    let place = Workflow::with(&[("Layerfile", text), ("d/x", "one\n")]);
    assert_eq!(place.run().output("main-layerfile"), "one\n1\n");
    assert_eq!(place.ran(), NONE);
    place.repository.write("d/x", "two\n");
    let run = place.run();
    assert_eq!(run.output("main-layerfile"), "two\n1\n", "{}", run.outcome.everything());
    assert_eq!(
        run.started(),
        [
            "main-layerfile:1 state_needed",
            "main-layerfile:2 state_needed",
            "main-layerfile:3 d/x content by cat"
        ]
    );
}

#[test]
fn environment_users_and_directories_flow_along() {
    if !can_run("environment_users_and_directories_flow_along") {
        return;
    }
    let place = Workflow::with(&[
        ("setup.sh", "export FROM_SETUP=sourced\n"),
        (
            "Layerfile",
            "FROM vm/ubuntu:22.04\nENV A=\"x y\" B=$(echo sub)\nENV C=$A-$B\nWORKDIR /srv/w\nWORKDIR deeper\nSETUP FILE setup.sh\n\
             RUN echo \"$C $FROM_SETUP $PWD $CI $RUNNER_ID\"\nUSER builder\nRUN id -un; echo \"$C\"\n",
        ),
    ]);
    let run = place.run();
    assert_eq!(run.outcome.code(), 0, "{}", run.outcome.everything());
    assert_eq!(
        run.output("main-layerfile"),
        "x y-sub sourced /srv/w/deeper true main-layerfile\nbuilder\nx y-sub\n"
    );
    place.repository.write("setup.sh", "export FROM_SETUP=again\n");
    let ran = place.ran();
    // The shell's name depends on the moment at which it is asked.
    assert!(ran[0].starts_with("main-layerfile:6 setup.sh content by "), "{ran:?}");
}

#[test]
fn secrets_are_masked_keyed_and_never_stored() {
    if !can_run("secrets_are_masked_keyed_and_never_stored") {
        return;
    }
    let place = Workflow::with(&[(
        "Layerfile",
        "FROM vm/ubuntu:22.04\nSECRET ENV TOKEN\nENV URL=https://$TOKEN@host/\n\
         RUN echo \"$TOKEN\"; printf '%s' \"${TOKEN:0:5}\"; sleep 0.1; echo \"${TOKEN:5} $URL\"\n",
    )]);
    let with = |value: &str| {
        let mut command = place.command();
        command.env("LAYERC_SECRET_TOKEN", value);
        Ran::of(&mut command)
    };
    let run = with("hunter2-hunter2");
    assert_eq!(run.output("main-layerfile"), "***\n*** https://***@host/\n");
    assert_eq!(with("hunter2-hunter2").started(), NONE);
    assert!(!holds_bytes(place.store(), b"hunter2-hunter2"), "the secret is in the store");
    assert_eq!(with("another-value").started()[0], "main-layerfile:2 value the secret TOKEN");
    let missing = place.run();
    assert_eq!(missing.outcome.code(), 2);
    assert!(
        missing.outcome.stderr.contains("the secret `TOKEN` has no value"),
        "{}",
        missing.outcome.stderr
    );
    assert_eq!(missing.events.len(), 0, "nothing was started");
}

#[test]
fn build_variables_from_git_are_keyed() {
    if !can_run("build_variables_from_git_are_keyed") {
        return;
    }
    let place = Workflow::with(&[(
        "Layerfile",
        "FROM vm/ubuntu:22.04\nRUN echo one\nBUILD ENV GIT_COMMIT_TITLE\nRUN echo \"$GIT_COMMIT_TITLE on $GIT_BRANCH\"\n",
    )]);
    place.repository.commit("first");
    assert_eq!(place.run().output("main-layerfile"), "one\nfirst on main\n");
    place.repository.commit("second");
    let run = place.run();
    assert_eq!(run.started(), ["main-layerfile:3 value GIT_COMMIT_TITLE"]);
    assert_eq!(run.output("main-layerfile"), "second on main\n");
}

#[test]
fn a_repeatable_step_goes_on_from_its_last_state() {
    if !can_run("a_repeatable_step_goes_on_from_its_last_state") {
        return;
    }
    let place = Workflow::with(&[
        (
            "Layerfile",
            "FROM vm/ubuntu:22.04\nCOPY . /app\nRUN REPEATABLE cat /app/a >> /log; cat /log\n",
        ),
        ("a", "1\n"),
    ]);
    place.ran();
    place.repository.write("a", "2\n");
    assert_eq!(place.run().output("main-layerfile"), "1\n2\n");
    assert_eq!(place.ran(), NONE);
}

#[test]
fn a_pattern_that_matches_a_new_file_copies_it() {
    if !can_run("a_pattern_that_matches_a_new_file_copies_it") {
        return;
    }
    let place = Workflow::with(&[
        ("Layerfile", "FROM vm/ubuntu:22.04\nCOPY d/*.json /app/\nRUN ls /app\n"),
        ("d/a.json", "1"),
        ("d/other", "1"),
    ]);
    assert_eq!(place.run().output("main-layerfile"), "a.json\n");
    place.repository.write("d/b.json", "");
    assert_eq!(place.run().output("main-layerfile"), "a.json\nb.json\n");
    assert_eq!(place.ran(), NONE);
}

/// Whether a file below `directory` holds these bytes.
fn holds_bytes(directory: &Path, needle: &[u8]) -> bool {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    entries.into_iter().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => holds_bytes(&entry.path(), needle),
        Ok(kind) if kind.is_file() => std::fs::read(entry.path())
            .is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle)),
        _ => false,
    })
}
