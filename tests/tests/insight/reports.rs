//! Reports are written in the forms that others read.

use super::ask;
use layerc_tests::workflow::{Workflow, can_run};

fn failing() -> Workflow {
    Workflow::with(&[
        ("good/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo '<fine> & well'\nRUN echo second\n"),
        ("bad/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo ::error::tricked; exit 4\n"),
    ])
}

#[test]
fn a_run_is_reported_as_xml_as_a_page_and_as_events() {
    if !can_run("a_run_is_reported_as_xml_as_a_page_and_as_events") {
        return;
    }
    let workflow = failing();
    let read = |path: &str| std::fs::read_to_string(workflow.repository.join(path)).expect(path);
    let at = |path: &str| workflow.repository.join(path).display().to_string();
    let (xml, page, events) = (at("junit.xml"), at("report.html"), at("run.jsonl"));
    let arguments = ["--keep-going", "--report", &xml, "--report", &page, "--events", &events];
    let ran = workflow.run_with(&arguments);
    assert_eq!(ran.outcome.code(), 1, "{}", ran.outcome.everything());
    assert_eq!(read("run.jsonl"), ran.outcome.stdout);
    let xml = read("junit.xml");
    for part in [
        "<testsuite name=\"bad\" tests=\"1\" skipped=\"0\" errors=\"0\" failures=\"1\"",
        "<failure message=\"exit code 4\"",
        "<testsuite name=\"good\" tests=\"2\" skipped=\"0\" errors=\"0\" failures=\"0\"",
        "&lt;fine&gt; &amp; well",
    ] {
        assert!(xml.contains(part), "{part}\n{xml}");
    }
    let page = read("report.html");
    for part in
        ["<svg", "class=\"bar bad\"", "&lt;fine&gt; &amp; well", "exit code 4", "failure</span>"]
    {
        assert!(page.contains(part), "{part}");
    }
    for foreign in ["http://", "https://", "src=", "<link"] {
        let allowed = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!allowed.contains(foreign), "{foreign}");
    }
    workflow.run_with(&arguments);
    assert!(read("junit.xml").contains("cached: the result of run "), "{}", read("junit.xml"));
}

#[test]
fn logs_fold_where_the_service_can_fold_them() {
    if !can_run("logs_fold_where_the_service_can_fold_them") {
        return;
    }
    let workflow = failing();
    let github = ask(&workflow, &["run", "--keep-going", "--format", "github"]);
    let lines: Vec<&str> = github.stdout.lines().collect();
    let group = lines.iter().position(|line| line.starts_with("::group::bad 1 RUN echo"));
    let group = group.unwrap_or_else(|| panic!("{}", github.everything()));
    assert!(lines[group].contains(": exit code 4 after "), "{}", lines[group]);
    // What a step prints is no command to the service.
    assert_eq!(lines[group + 1..group + 3], ["\u{200b}::error::tricked", "::endgroup::"]);
    assert!(
        lines[group + 3].starts_with("::error file=bad/Layerfile,line=2::bad 1 "),
        "{}",
        lines[group + 3]
    );
    let gitlab = ask(&workflow, &["run", "--keep-going", "--no-cache", "--format", "gitlab"]);
    assert!(gitlab.stdout.contains("\x1b[0Ksection_start:"), "{}", gitlab.everything());
    assert!(
        gitlab.stdout.contains("[collapsed=true]\r\x1b[0Kgood 1 RUN echo"),
        "{}",
        gitlab.everything()
    );
}

#[test]
fn the_doctor_starts_a_machine_and_tries_every_part() {
    if !can_run("the_doctor_starts_a_machine_and_tries_every_part") {
        return;
    }
    let workflow = failing();
    let outcome = ask(&workflow, &["doctor", "--format", "json"]).expect_success("layerc doctor");
    let checks: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let checks = checks.as_array().expect("a list");
    let verdict = |name: &str| {
        let check = checks.iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("no check {name}"))["verdict"].clone()
    };
    assert_eq!(verdict("a machine starts"), "works");
    assert_eq!(verdict("git"), "works");
    assert!(["works", "limited"].map(Into::into).contains(&verdict("/dev/kvm")));
    for check in checks {
        let is_explained = check["verdict"] == "works" || check["advice"] != "";
        assert!(is_explained, "{check}");
    }
    let text = ask(&workflow, &["doctor"]).expect_success("layerc doctor").stdout;
    assert!(text.starts_with("Machines of namespaces\n  ✓ user namespaces"), "{text}");
    workflow.repository.write("layerc.toml", "[nowhere]\n");
    let broken = ask(&workflow, &["doctor"]);
    let told = &broken.stdout;
    assert_eq!(broken.code(), 1, "{}", broken.everything());
    assert!(told.contains("✓ git") && told.contains("✗ a machine starts"), "{told}");
}
