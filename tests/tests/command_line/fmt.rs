//! `layerc fmt`: what changes, what is only shown, and that plans stay the same.

use super::{run_in, succeed};
use layerc_tests::repository::Repository;
use std::io::Write;
use std::process::Stdio;

const MESSY: &str = "FROM   vm/ubuntu:18.04  \n\n\n\nCOPY  a   b/\nRUN make &&   test\n";

fn messy() -> Repository {
    Repository::with(&[("Layerfile", MESSY), ("tidy/Layerfile", "FROM vm/ubuntu:18.04\n")])
}

fn text(repository: &Repository) -> String {
    std::fs::read_to_string(repository.join("Layerfile")).expect("a Layerfile")
}

#[test]
fn files_are_changed_once() {
    let repository = messy();
    let outcome = run_in(&repository, &["fmt"]).expect_success("fmt");
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("Layerfile\n", "1 of 2 Layerfiles changed\n")
    );
    assert_eq!(text(&repository), "FROM vm/ubuntu:18.04\n\nCOPY a b/\nRUN make &&   test\n");
    let again = run_in(&repository, &["fmt", "--check"]).expect_success("fmt --check");
    assert_eq!(
        (again.stdout.as_str(), again.stderr.as_str()),
        ("", "0 of 2 Layerfiles would change\n")
    );
}

#[test]
fn looking_changes_nothing_and_fails() {
    let repository = messy();
    let outcome = run_in(&repository, &["fmt", "--check"]);
    assert_eq!((outcome.code(), outcome.stdout.as_str()), (1, "Layerfile\n"));
    let outcome = run_in(&repository, &["fmt", "--diff"]);
    assert_eq!(outcome.code(), 1);
    assert!(outcome.stdout.contains("-COPY  a   b/\n+COPY a b/\n"), "{}", outcome.stdout);
    assert_eq!(text(&repository), MESSY);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let mut command = layerc_tests::layerc::layerc(["fmt", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(MESSY.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "FROM vm/ubuntu:18.04\n\nCOPY a b/\nRUN make &&   test\n"
    );
}

#[test]
fn a_named_file_may_be_called_anything() {
    let repository = Repository::with(&[("Layerfile.disabled", MESSY)]);
    succeed(&repository, &["fmt", "Layerfile.disabled"]);
    assert!(
        !std::fs::read_to_string(repository.join("Layerfile.disabled"))
            .unwrap()
            .contains("COPY  a")
    );
}
