//! What the tabulator key offers, in a real bash: the runs, steps, buttons, Layerfiles, caches and images that are there.

use layerc_tests::layerc::{layerc, program};
use layerc_tests::terminal::{AtTerminal, has_terminals};
use layerc_tests::workflow::{Workflow, can_run};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A parent, and a child that stands before a button.
fn waiting() -> Workflow {
    let workflow = Workflow::with(&[
        ("Layerfile", "FROM vm/ubuntu:22.04\nRUN echo one\n"),
        (
            "web/Layerfile",
            "FROM ../\nCACHE ~/.npm\nRUN echo two > ~/.npm/x\nBUTTON deploy?\nRUN echo three\n",
        ),
    ]);
    assert_eq!(workflow.run().outcome.code(), 4);
    workflow
}

/// What bash would offer for a line, through the script and the program.
fn offered(workflow: &Workflow, line: &str) -> Vec<String> {
    let shell = "source <(layerc completions bash); COMP_LINE=$1 COMP_POINT=${#1}; \
        read -ra COMP_WORDS <<< \"${1//:/ : }\"; [[ $1 == *' ' ]] && COMP_WORDS+=(''); \
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _layerc layerc; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", shell, "bash", line]).current_dir(workflow.repository.path());
    let output = in_path(&mut bash).output().expect("bash starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// A directory with the built program as `layerc`, whatever it is called.
fn programs() -> &'static Path {
    static PLACE: OnceLock<TempDir> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let place = tempfile::tempdir().expect("a temporary directory");
        symlink(program(), place.path().join("layerc")).expect("a link");
        place
    });
    place.path()
}

/// With that directory in its search path.
fn in_path(command: &mut Command) -> &mut Command {
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", programs().display()))
}

#[test]
fn what_is_there_is_offered() {
    if !can_run("what_is_there_is_offered") {
        return;
    }
    let workflow = waiting();
    let store = workflow.store().display();
    let run = layerc(["runs", "--store"])
        .arg(workflow.store())
        .current_dir(workflow.repository.path())
        .output();
    let name: String =
        String::from_utf8_lossy(&run.expect("runs").stdout).chars().take(8).collect();
    let cases = [
        ("why".to_owned(), "", vec!["main-layerfile:1", "web:2", &name]),
        ("logs".to_owned(), "we", vec!["web:2"]),
        ("shell".to_owned(), "web:", vec!["2"]),
        (format!("shell {name}"), "main-layerfile:", vec!["1"]),
        ("press".to_owned(), "", vec![&name]),
        (format!("press {name}"), "", vec!["1", "web"]),
        ("run --resume".to_owned(), &name[..2], vec![&name]),
        ("cache rm".to_owned(), "~/.", vec!["~/.npm"]),
    ];
    for (command, begun, expected) in cases {
        let (command, rest) = command.split_once(' ').unwrap_or((&command, ""));
        let line = format!("layerc {command} --store {store} {rest} {begun}").replace("  ", " ");
        let mut offered = offered(&workflow, &line);
        offered.retain(|word| !word.starts_with('-') && word != "help");
        assert_eq!(offered, expected, "{line}");
    }
    assert_eq!(offered(&workflow, "layerc run --target "), ["main-layerfile", "web"]);
    assert_eq!(offered(&workflow, "layerc run --without web/"), ["web/Layerfile"]);
    assert_eq!(offered(&workflow, "layerc run --network p"), ["pasta"]);
    assert_eq!(offered(&workflow, "layerc explain unknown-dir"), ["unknown-directive"]);
    assert_eq!(offered(&workflow, "layerc image build deb"), ["debootstrap:"]);
}

/// Readline, not the function alone: it divides words in its own way.
#[test]
fn the_tabulator_key_completes_a_step() {
    let test = "the_tabulator_key_completes_a_step";
    if !can_run(test) || !has_terminals(test) {
        return;
    }
    let workflow = waiting();
    let path = programs().display();
    let line = format!("PATH={path}:$PATH PS1='ready> ' TERM=dumb bash --norc --noprofile -i");
    let mut bash = AtTerminal::of(&line, workflow.repository.path());
    bash.type_line("source <(layerc completions bash); echo sour''ced");
    bash.wait_for("sourced");
    bash.type_keys(&format!("layerc why --store {} web:\t", workflow.store().display()));
    bash.wait_for("web:2");
    bash.type_line("");
    bash.wait_for("ran, because");
    bash.type_line("exit");
    assert_eq!(bash.end().0, 0);
}
