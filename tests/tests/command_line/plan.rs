//! `layerc plan`: trees, targets, formats and the errors that stand in the way.

use super::{run_in, succeed, web_service};
use layerc_tests::repository::Repository;
use serde_json::Value;

#[test]
fn the_tree_of_a_web_service() {
    let outcome = run_in(&web_service(), &["plan"]).expect_success("plan");
    insta::assert_snapshot!(outcome.stdout, @r##"
    vm/ubuntu:18.04
    └─ base  base/Layerfile · 2 GiB memory
       │  ENV NODE="14"
       │  RUN apt-get install nodejs
       ├─ deploy  deploy/Layerfile · 2 GiB memory
       │     WAIT suite, unit
       │     BUTTON deploy now?
       │     RUN ./deploy
       ├─ suite  suite/Layerfile · 3 copies · 2 GiB memory
       │     SPLIT 3
       │     RUN ./suite $SPLIT
       └─ unit  unit/Layerfile · 2 GiB memory
             COPY . /app
             WORKDIR /app
             RUN npm test
    4 Layerfiles, 6 runners, 7 steps, 1 base image
    "##);
}

fn names(repository: &Repository, arguments: &[&str]) -> Vec<String> {
    let arguments = [&["plan", "--format", "json"], arguments].concat();
    let outcome = run_in(repository, &arguments).expect_success("plan");
    let plan: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let files = plan.get("layerfiles").and_then(Value::as_array).expect("Layerfiles").iter();
    files
        .map(|file| file.get("runnerName").and_then(Value::as_str).expect("a name").to_owned())
        .collect()
}

#[test]
fn a_target_is_a_file_a_directory_or_a_name() {
    let repository = web_service();
    for target in ["unit", "unit/Layerfile", "/unit", "./unit"] {
        assert_eq!(names(&repository, &["--target", target]), ["base", "unit"], "{target}");
    }
    assert_eq!(names(&repository, &["--target", "deploy"]), ["base", "deploy", "suite", "unit"]);
    assert_eq!(names(&repository, &["suite"]), ["base", "suite"]);
    assert_eq!(names(&repository, &["suite", "--target", "unit"]), ["base", "unit"]);
    let outcome = run_in(&repository, &["plan", "--target", "unti"]);
    assert_eq!(
        (outcome.code(), outcome.stderr.as_str()),
        (2, "error: there is no Layerfile `unti`; did you mean `unit`?\n")
    );
}

#[test]
fn errors_stand_in_the_way_only_of_what_needs_them() {
    let repository = web_service();
    repository.write("suite/Layerfile", "FROM ../base\nSPLIT 0\n");
    let outcome = run_in(&repository, &["plan"]);
    assert_eq!((outcome.code(), outcome.stdout.as_str()), (1, ""));
    assert!(outcome.stderr.contains("suite/Layerfile:2:7"), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with("no plan: 1 error to correct first\n"), "{}", outcome.stderr);
    assert_eq!(names(&repository, &["--target", "unit"]), ["base", "unit"]);
}

#[test]
fn pictures_are_complete_documents() {
    let repository = web_service();
    succeed(&repository, &["plan", "--format", "svg", "-o", "plan.svg"]);
    let picture = std::fs::read_to_string(repository.join("plan.svg")).unwrap();
    assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"));
    assert!(!picture.contains("href") && picture.contains("WAIT suite, unit"));
    let graph = run_in(&repository, &["plan", "--format", "dot"]).expect_success("plan").stdout;
    assert!(graph.starts_with("digraph plan {") && graph.ends_with("}\n"));
    let chart = run_in(&repository, &["plan", "--format", "mermaid"]).expect_success("plan").stdout;
    assert!(chart.starts_with("flowchart LR\n"));
}

#[test]
fn a_repository_without_layerfiles_is_a_usage_error() {
    let outcome = run_in(&Repository::with(&[("README", "")]), &["plan"]);
    assert_eq!(
        (outcome.code(), outcome.stderr.as_str()),
        (2, "error: there is no file named `Layerfile` below `.`\n")
    );
}
