//! Licences, changelog, and exceptions that must not be forgotten.

use crate::findings::Findings;
use layerc_tests::project_files::{read, root};
use std::time::{SystemTime, UNIX_EPOCH};

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

/// Today as `YYYY-MM-DD`, from the days since 1970 (civil calendar, Hinnant's method).
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date_of_day(i64::try_from(seconds / 86_400).unwrap_or(0))
}

fn date_of_day(days_since_1970: i64) -> String {
    let days = days_since_1970 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[test]
fn days_become_dates() {
    assert_eq!(date_of_day(0), "1970-01-01");
    assert_eq!(date_of_day(11_016), "2000-02-29");
    assert_eq!(date_of_day(20_454), "2026-01-01");
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
