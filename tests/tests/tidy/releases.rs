//! Licences, changelog, and exceptions that must not be forgotten.

use crate::findings::Findings;
use chrono::{DateTime, Utc};
use layerc_tests::project_files::{read, root};
use std::time::SystemTime;

/// The headings under a version that Keep a Changelog knows.
const KINDS: &[&str] = &["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

#[test]
fn the_changelog_keeps_its_form() {
    let mut findings = Findings::of("CHANGELOG.md keeps the form of keepachangelog.com 1.1.0");
    let text = read("CHANGELOG.md");
    let versions: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    if !text.starts_with("# Changelog\n") {
        findings.add("CHANGELOG.md", "does not begin with `# Changelog`");
    }
    if versions.first() != Some(&"[Unreleased]") {
        findings.add("CHANGELOG.md", "the first section is not `[Unreleased]`");
    }
    for version in versions.iter().skip(1) {
        let dated = version
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] - "))
            .is_some_and(|(_, date)| is_date(date));
        if !dated {
            findings.add("CHANGELOG.md", format_args!("`{version}` is not `[x.y.z] - YYYY-MM-DD`"));
        }
    }
    for kind in text
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .filter(|kind| !KINDS.contains(kind))
    {
        findings.add("CHANGELOG.md", format_args!("`{kind}` is none of {KINDS:?}"));
    }
    findings.report();
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .chars()
            .enumerate()
            .all(|(index, c)| if index == 4 || index == 7 { c == '-' } else { c.is_ascii_digit() })
}

/// Today as `YYYY-MM-DD`.
fn today() -> String {
    DateTime::<Utc>::from(SystemTime::now()).format("%Y-%m-%d").to_string()
}

#[test]
fn ignored_advisories_have_a_deadline_ahead() {
    let mut findings = Findings::of(
        "an advisory is ignored only with a reason that has `FIX-DEADLINE: YYYY-MM-DD`, ahead",
    );
    let text = read("deny.toml");
    for line in text.lines().filter(|line| line.contains("RUSTSEC-")) {
        match line
            .split_once("FIX-DEADLINE: ")
            .and_then(|(_, rest)| rest.get(..10))
            .filter(|date| is_date(date))
        {
            None => findings.add("deny.toml", format_args!("no deadline in `{}`", line.trim())),
            Some(date) if date < today().as_str() => {
                findings.add("deny.toml", format_args!("{date} has passed: {}", line.trim()));
            }
            Some(_) => {}
        }
    }
    findings.report();
}

#[test]
fn both_licences_are_here() {
    for (file, words) in
        [("LICENSE-MIT", "Permission is hereby granted"), ("LICENSE-APACHE", "Apache License")]
    {
        assert!(read(file).contains(words), "{file} is not the licence");
    }
    let manifest = read("Cargo.toml");
    assert!(
        manifest.contains("license = \"MIT OR Apache-2.0\""),
        "Cargo.toml names another licence"
    );
}

#[test]
fn ci_runs_what_the_readme_says() {
    let ci = read(".ci/run");
    let commands: Vec<&str> =
        ci.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    assert_eq!(
        commands.last().copied(),
        Some("exec tests/run \"$@\""),
        "`.ci/run` must end by running tests/run"
    );
    assert!(
        read("README.md").contains("\ntests/run\n"),
        "README.md must show tests/run as a command"
    );
    for script in [".ci/run", "tests/run"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(root().join(script))
            .map_or(0, |metadata| metadata.permissions().mode());
        assert!(mode & 0o111 != 0, "{script} is not executable");
    }
}
