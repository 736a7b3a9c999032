//! What every source file must and must not contain.

use crate::findings::Findings;
use layerc_tests::project_files::{all, read, with_extension};
use layerc_tests::rust_text::code_only;

/// Production lines a file aims at, and may have if it says why (`//! Size: …`).
const AIM_LINES: usize = 500;
/// Production lines no file passes.
const CAP_LINES: usize = 800;
/// The one place for `unsafe`.
const UNSAFE_HOME: &str = "executor/src/sys/";
/// A library file that speaks for a reason: the guest agent's entry is a program of its own, and its last words have no
/// other way out.
const SPEAKER: &str = "executor/src/agent/entry.rs";
/// File and directory names that say nothing.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "manager", "misc", "shared"];

fn rust_files() -> Vec<String> {
    with_extension("rs")
}

/// Lines before the inline test module, blank ones included.
fn production_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].starts_with("mod tests {"))
        .unwrap_or(lines.len())
}

#[test]
fn every_file_says_what_it_is() {
    let mut findings = Findings::of(
        "each Rust file begins with `//!`: what it is, what it refuses to know, where it sits",
    );
    for path in rust_files() {
        let text = read(&path);
        let introduction = text.lines().take_while(|line| line.starts_with("//!")).count();
        if introduction == 0 {
            findings.add(&path, "has no module documentation on its first line");
        }
    }
    findings.report();
}

#[test]
fn files_are_rooms_not_halls() {
    let mut findings = Findings::of(
        "a file aims at 500 production lines (more only with `//! Size: reason`) and never passes 800",
    );
    for path in rust_files() {
        let text = read(&path);
        let lines = production_lines(&text);
        let has_reason = text.lines().any(|line| line.starts_with("//! Size: ") && line.len() > 25);
        let aim = if is_test_file(&path) { CAP_LINES } else { AIM_LINES };
        if lines > CAP_LINES {
            findings.add(&path, format_args!("{lines} lines"));
        } else if lines > aim && !has_reason {
            findings.add(&path, format_args!("{lines} lines without `//! Size: reason`"));
        }
    }
    findings.report();
}

#[test]
fn nothing_is_left_to_do_in_comments() {
    // Put together here so that this file does not contain them.
    let markers =
        [["TO", "DO"], ["FIX", "ME"], ["X", "XX"], ["HA", "CK"]].map(|parts| parts.concat());
    let mut findings = Findings::of("work to do is in issues, not in comments");
    let readable = |path: &String| {
        [".rs", ".toml", ".md", ".yml", ".sh"].iter().any(|ending| path.ends_with(ending))
            || !path.contains('.')
    };
    for path in all().into_iter().filter(readable) {
        for (index, line) in read(&path).lines().enumerate() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            for word in line
                .split(|c| !is_word(c))
                .filter(|word| markers.iter().any(|marker| marker == word))
            {
                findings
                    .add(format_args!("{path}:{}", index + 1), format_args!("contains `{word}`"));
            }
        }
    }
    findings.report();
}

#[test]
fn nothing_unfinished_is_in_the_code() {
    let mut findings = Findings::of("no macro that stands for missing or temporary code");
    for path in rust_files() {
        let code = code_only(&read(&path));
        for (index, line) in code.lines().enumerate() {
            for macro_name in ["dbg!", "todo!", "unimplemented!"] {
                if line.contains(macro_name) {
                    findings.add(
                        format_args!("{path}:{}", index + 1),
                        format_args!("uses `{macro_name}`"),
                    );
                }
            }
        }
    }
    findings.report();
}

#[test]
fn lints_are_only_expected_with_a_reason() {
    let mut findings =
        Findings::of("a lint is suppressed by `#[expect(lint, reason = \"…\")]` and nothing else");
    for path in rust_files() {
        let text = read(&path);
        let code = code_only(&text);
        for (index, line) in code.lines().enumerate() {
            let place = format!("{path}:{}", index + 1);
            if line.contains("#[allow(") || line.contains("#![allow(") || line.contains(", allow(")
            {
                findings.add(&place, "uses `allow`");
            }
            if (line.contains("[expect(") || line.contains(", expect("))
                && !following(&text, index, 6).contains("reason =")
            {
                findings.add(&place, "an `expect` without a reason");
            }
        }
    }
    findings.report();
}

fn following(text: &str, index: usize, count: usize) -> String {
    text.lines().skip(index).take(count).collect()
}

#[test]
fn unsafe_stays_in_its_fence() {
    let mut findings = Findings::of(
        "`unsafe` is written only under executor/src/sys, each block with `// SAFETY:`",
    );
    for path in rust_files().into_iter().filter(|path| !path.starts_with(UNSAFE_HOME)) {
        let code = code_only(&read(&path));
        for (index, line) in code.lines().enumerate() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if line.split(|c| !is_word(c)).any(|word| word == "unsafe") {
                findings.add(format_args!("{path}:{}", index + 1), "`unsafe` outside the fence");
            }
        }
    }
    findings.report();
}

#[test]
fn only_the_command_line_speaks() {
    let mut findings = Findings::of("libraries return what there is to say; `cli` says it");
    let library = |path: &String| {
        ["compiler/src/", "planner/src/", "executor/src/", "lsp/src/"]
            .iter()
            .any(|start| path.starts_with(start))
    };
    for path in rust_files().into_iter().filter(library).filter(|path| path != SPEAKER) {
        let text = read(&path);
        let code = code_only(&text);
        let production = production_lines(&text);
        for (index, line) in code.lines().enumerate().take(production) {
            for macro_name in ["println!", "eprintln!", "print!", "eprint!"] {
                let used = line.split(macro_name).next().is_some_and(|before| {
                    before.len() < line.len()
                        && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
                });
                if used && !is_test_file(&path) {
                    findings.add(
                        format_args!("{path}:{}", index + 1),
                        format_args!("uses `{macro_name}`"),
                    );
                }
            }
        }
    }
    findings.report();
}

/// A module file of its own that is compiled only for tests.
fn is_test_file(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part.ends_with("tests.rs") || part.ends_with("_test.rs"))
}

#[test]
fn names_say_something() {
    let mut findings = Findings::of("no file or directory is named for being a drawer");
    for path in all() {
        let parts = path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
        for part in parts.filter(|part| EMPTY_NAMES.contains(part)) {
            findings.add(&path, format_args!("`{part}` says nothing about what is in it"));
        }
    }
    findings.report();
}

#[test]
fn text_is_clean() {
    let mut findings = Findings::of(
        "text files end with one newline, without blanks at line ends or carriage returns",
    );
    let plain = |path: &String| [".rs", ".toml", ".md"].iter().any(|ending| path.ends_with(ending));
    for path in all().into_iter().filter(plain) {
        let text = read(&path);
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            findings.add(&path, "does not end with exactly one newline");
        }
        let mut fenced = false;
        for (index, line) in text.split('\n').enumerate() {
            fenced ^= line.starts_with("```");
            // What a program prints is shown as it is, and Rust sources may hold any text in literals.
            if !fenced && !path.ends_with(".rs") && line.ends_with([' ', '\t', '\r']) {
                findings.add(format_args!("{path}:{}", index + 1), "blank at the end of the line");
            }
        }
    }
    findings.report();
}
