//! States of past runs can be entered and compared.

use super::{ask, told};
use layerc_tests::layerc::{Outcome, layerc, program};
use layerc_tests::repository::Repository;
use layerc_tests::terminal::has_terminals;
use layerc_tests::workflow::{Workflow, can_run};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

fn building() -> Workflow {
    Workflow::with(&[
        (
            "base/Layerfile",
            "FROM vm/ubuntu:22.04\nRUN echo one > /root/a; mkdir /opt/old; echo x > /opt/old/x\n",
        ),
        (
            "app/Layerfile",
            "FROM ../base\nENV COLOUR=blue\nWORKDIR /srv/app\nCOPY source.txt /srv/app/\n\
             RUN cat source.txt > built; echo two > /root/a; rm -r /opt/old; ln -s a /root/link\nRUN echo done > half; exit 3\n",
        ),
        ("app/source.txt", "source\n"),
    ])
}

#[test]
fn a_shell_stands_before_or_after_any_step() {
    if !can_run("a_shell_stands_before_or_after_any_step") {
        return;
    }
    let workflow = building();
    assert_eq!(workflow.run().outcome.code(), 1);
    let script = "cat /root/a; pwd; echo $COLOUR; ls";
    assert_eq!(
        ask_inside(&workflow, &["app:4", "--", script]),
        "two\n/srv/app\nblue\nbuilt\nsource.txt\n"
    );
    assert_eq!(
        ask_inside(&workflow, &["--before", "app:4", "--", script]),
        "one\n/srv/app\nblue\nsource.txt\n"
    );
    assert_eq!(ask_inside(&workflow, &["base/Layerfile:2", "--", "cat", "/root/a"]), "one\n");
    // The step that failed is reproduced where it started from; what a shell does is forgotten.
    assert_eq!(
        inside(&workflow, &["--before", "app:5", "--", "echo lost > /root/a; exit 7"]).code(),
        7
    );
    assert_eq!(ask_inside(&workflow, &["--before", "app:5", "--", "cat /root/a"]), "two\n");
    // The state that a step failed in can be looked at; nothing starts from it.
    assert_eq!(ask_inside(&workflow, &["app:5", "--", "cat half"]), "done\n");
    let again = workflow.run();
    assert_eq!(again.executed_commands("app/Layerfile"), [6]);
    let nowhere = ask(&workflow, &["shell", "app:4"]);
    assert_eq!(nowhere.code(), 2);
    assert!(nowhere.stderr.contains("there is no terminal for a shell"), "{}", nowhere.stderr);
}

/// Runs a command in a state.
fn inside(workflow: &Workflow, arguments: &[&str]) -> Outcome {
    let command = arguments.iter().position(|word| *word == "--").expect("a command");
    let (front, command) = arguments.split_at(command);
    let mut layerc = layerc(["shell"]);
    layerc.args(front).arg("--store").arg(workflow.store()).args(command);
    Outcome::of(layerc.current_dir(workflow.repository.path()).env("NO_COLOR", "1"))
}

/// What a command printed in a state; it must succeed.
fn ask_inside(workflow: &Workflow, arguments: &[&str]) -> String {
    inside(workflow, arguments).expect_success("layerc shell").stdout
}

#[test]
fn a_shell_has_a_terminal_of_the_same_size() {
    let test = "a_shell_has_a_terminal_of_the_same_size";
    if !can_run(test) || !has_terminals(test) {
        return;
    }
    let workflow = building();
    workflow.run();
    let line = format!(
        "stty rows 33 cols 77; {} shell app:4 --store {}",
        program().display(),
        workflow.store().display()
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--echo", "never", "--return", "--command", &line, "/dev/null"]);
    script.current_dir(workflow.repository.path()).env("TERM", "xterm").env("SHELL", "/bin/sh");
    let mut child =
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script starts");
    let mut keys = child.stdin.take().expect("a pipe");
    let mut screen = child.stdout.take().expect("a pipe");
    let mut text = String::new();
    let mut wait_for = |shown: &str| {
        while !text.contains(shown) {
            let mut bytes = [0; 4096];
            let count = screen.read(&mut bytes).expect("the screen can be read");
            assert!(count > 0, "{shown}: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    let greeting = b"stty size; tty -s && echo a-$((1+1))-terminal; sleep 1000\n";
    keys.write_all(greeting).expect("typed");
    wait_for("a-2-terminal");
    // The interrupt key ends the sleep and not the shell, which then tells where it is. While bash is still about to
    // start the sleep, the key ends nothing: it is pressed until it does.
    let (interrupted, is_interrupted) = mpsc::channel::<()>();
    let mut keys = std::thread::scope(|scope| {
        let presses = scope.spawn(move || {
            while is_interrupted.recv_timeout(Duration::from_secs(1))
                == Err(RecvTimeoutError::Timeout)
            {
                keys.write_all(b"\x03echo after-$COLOUR-$((1+1))\n").expect("typed");
            }
            keys
        });
        wait_for("after-blue-2");
        drop(interrupted);
        presses.join().expect("a typist")
    });
    keys.write_all(b"exit 5\n").expect("typed");
    wait_for("exit");
    assert!(text.contains("33 77"), "{text}");
    assert_eq!(child.wait().expect("it ends").code(), Some(5), "{text}");
}

#[test]
fn diff_shows_what_steps_changed() {
    if !can_run("diff_shows_what_steps_changed") {
        return;
    }
    let workflow = building();
    workflow.run();
    let own = told(&workflow, &["diff", "app:4"]);
    let lines: Vec<&str> = own.lines().collect();
    assert_eq!(
        lines,
        ["D /opt/old/", "M /root/a", "A /root/link", "A /srv/app/built  7 bytes"],
        "{own}"
    );
    let both = told(&workflow, &["diff", "last", "base:1", "app:4", "--text"]);
    assert!(both.contains("--- a/root/a\n+++ b/root/a\n@@ -1 +1 @@\n-one\n+two\n"), "{both}");
    assert!(both.contains("A /srv/app/source.txt"), "{both}");
    let same = ask(&workflow, &["diff", "app:4", "app:4"]);
    assert_eq!((same.code(), same.stderr.as_str()), (0, "no file differs\n"));
}

#[test]
fn diff_compares_with_what_machines_see_of_this_one() {
    if !can_run("diff_compares_with_what_machines_see_of_this_one") {
        return;
    }
    let layerfile = "FROM vm/ubuntu:22.04\nRUN echo mine > /var/log/dpkg.log; rm /etc/passwd; touch /usr/share/of-the-step\n";
    let workflow = Workflow::with(&[("Layerfile", layerfile)]);
    assert_eq!(workflow.run().outcome.code(), 0);
    let changed = told(&workflow, &["diff", "main-layerfile:1"]);
    let found: Vec<&str> = changed.lines().filter(|line| !line.starts_with("M ")).collect();
    let expected =
        ["D /etc/passwd", "A /usr/share/of-the-step  0 bytes", "A /var/log/dpkg.log  5 bytes"];
    assert_eq!(found, expected, "{changed}");
}

#[test]
fn a_shell_shows_the_files_of_another_repository_too() {
    if !can_run("a_shell_shows_the_files_of_another_repository_too") {
        return;
    }
    let other = Repository::with(&[("tool.txt", "a tool\n")]);
    other.commit("first");
    let url = other.path().display();
    let layerfile =
        format!("FROM vm/ubuntu:22.04\nCLONE {url} /srv/lib\nRUN ls /srv/lib > /root/seen\n");
    let workflow = Workflow::with(&[("Layerfile", &layerfile)]);
    workflow.run().expect_success();
    let script = "cat /root/seen /srv/lib/tool.txt";
    assert_eq!(ask_inside(&workflow, &["main-layerfile:2", "--", script]), "tool.txt\na tool\n");
    assert_eq!(
        ask_inside(&workflow, &["main-layerfile:1", "--", "cat /srv/lib/tool.txt"]),
        "a tool\n"
    );
    drop(other);
    let gone = inside(&workflow, &["main-layerfile:2", "--", script]);
    assert!(gone.stderr.contains("cannot reach `/"), "{}", gone.everything());
}
