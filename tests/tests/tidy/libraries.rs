//! Which third-party library is named where. A library that stays home can be replaced in one place.

use crate::findings::Findings;
use layerc_tests::project_files::{read, with_extension};
use layerc_tests::rust_text::code_only;

/// Library and the path prefixes of the files that may name it. Tests and benches may not name these at all.
const HOMES: &[(&str, &[&str])] = &[
    ("logos", &["compiler/src/lexer"]),
    ("chumsky", &["compiler/src/parser"]),
    ("brush_parser", &["compiler/src/checks/shell_syntax.rs"]),
    ("petgraph", &["planner/src/"]),
    ("bincode", &["planner/src/codec"]),
    ("fuser", &["executor/src/tracked/"]),
    ("heed", &["executor/src/store", "executor/src/sys/"]),
    ("postcard", &["executor/"]),
    ("rustix", &["executor/", "cli/src/screen.rs", "cli/src/shell/"]),
    ("kvm_ioctls", &["executor/src/kvm/", "executor/src/sys/"]),
    ("kvm_bindings", &["executor/src/kvm/", "executor/src/sys/"]),
    ("vm_memory", &["executor/src/kvm/", "executor/src/sys/"]),
    ("vmm_sys_util", &["executor/src/kvm/", "executor/src/sys/"]),
    ("linux_loader", &["executor/src/kvm/boot/"]),
    ("acpi_tables", &["executor/src/kvm/acpi/"]),
    ("twox_hash", &["executor/src/kvm/snapshot/"]),
    ("vm_superio", &["executor/src/kvm/"]),
    ("virtio_queue", &["executor/src/kvm/devices/"]),
    ("virtio_bindings", &["executor/src/kvm/devices/"]),
    ("chrono", &["cli/src/run/report/", "tests/tests/tidy/releases.rs"]),
    ("quick_junit", &["cli/src/run/report/"]),
    ("clap_mangen", &["cli/src/man.rs"]),
    ("tar", &["executor/"]),
    ("crossbeam_channel", &["executor/"]),
    ("reqwest", &["executor/src/images/registry/"]),
    ("ring", &["executor/src/sealing/key.rs", "executor/src/doors/tls.rs"]),
    ("zeroize", &["executor/src/sealing/"]),
    ("rustls", &["executor/src/images/registry/", "executor/src/doors/tls.rs"]),
    ("flate2", &["executor/src/images/"]),
    ("ruzstd", &["executor/src/images/", "executor/src/kvm/guest/initramfs/"]),
    ("lzma_rust2", &["executor/src/kvm/guest/initramfs/"]),
    ("cpio", &["executor/src/kvm/guest/initramfs/"]),
    ("sha2", &["executor/src/reference/"]),
    ("base64", &["executor/src/images/", "executor/src/secrets/"]),
    ("tower_lsp", &["lsp/src/server/"]),
    ("tower_service", &["lsp/src/server/"]),
    ("notify", &["lsp/src/server/"]),
    ("ls_types", &["lsp/src/"]),
    ("landlock", &["executor/src/kvm/process/walls.rs"]),
    (
        "seccompiler",
        &["executor/src/agent/filter.rs", "executor/src/call_rules.rs", "executor/src/kvm/jail.rs"],
    ),
    ("hyper", &["executor/src/doors/"]),
    ("hyper_util", &["executor/src/doors/"]),
    ("http_body_util", &["executor/src/doors/"]),
    ("tokio_rustls", &["executor/src/doors/"]),
    ("clap", &["cli/src/"]),
    ("annotate_snippets", &["cli/src/"]),
    ("anstream", &["cli/src/"]),
    ("anstyle", &["cli/src/"]),
    ("indicatif", &["cli/src/"]),
    ("ignore", &["cli/src/"]),
    ("toml", &["cli/src/"]),
    ("anyhow", &["cli/src/"]),
];

/// Parts of the standard library that reach outside the process, or depend on when or where it runs.
const OUTSIDE_WORLD: &[&str] = &["fs", "env", "process", "net", "time", "thread", "os"];

/// Line numbers (from 1) on which the code names `path` as a path's start.
fn lines_naming(code: &str, name: &str) -> Vec<usize> {
    let names = |line: &str| {
        line.match_indices(name).any(|(start, _)| {
            let before = line.get(..start).and_then(|part| part.chars().next_back());
            let after = line.get(start + name.len()..).unwrap_or_default();
            let starts_path =
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '.');
            let imported = line.trim_start().trim_start_matches("pub ").starts_with("use ")
                && (after.starts_with(';') || after.starts_with(" as "));
            starts_path && (after.starts_with("::") || imported)
        })
    };
    code.lines().enumerate().filter(|(_, line)| names(line)).map(|(index, _)| index + 1).collect()
}

#[test]
fn libraries_stay_home() {
    let mut findings = Findings::of("each third-party library is named only in its home");
    for path in with_extension("rs") {
        let code = code_only(&read(&path));
        for (library, homes) in HOMES {
            if homes.iter().any(|home| path.starts_with(home)) {
                continue;
            }
            for line in lines_naming(&code, library) {
                findings.add(
                    format_args!("{path}:{line}"),
                    format_args!("names `{library}`, at home in {homes:?}"),
                );
            }
        }
    }
    findings.report();
}

#[test]
fn compiler_and_planner_are_pure() {
    let mut findings =
        Findings::of("compiler and planner compute; they never look at or touch the outside world");
    let pure =
        |path: &String| path.starts_with("compiler/src/") || path.starts_with("planner/src/");
    for path in with_extension("rs").into_iter().filter(pure) {
        let code = code_only(&read(&path));
        for (index, line) in code.lines().enumerate() {
            for part in OUTSIDE_WORLD.iter().filter(|part| reaches(line, part)) {
                findings
                    .add(format_args!("{path}:{}", index + 1), format_args!("uses `std::{part}`"));
            }
        }
    }
    findings.report();
}

/// `std::fs…`, or `fs` inside `use std::{…}` on one line.
fn reaches(line: &str, part: &str) -> bool {
    let direct = format!("std::{part}");
    let named = line
        .split(&direct)
        .skip(1)
        .any(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
    let grouped = line.split_once("std::{").is_some_and(|(_, group)| {
        group.split([',', '{', '}', ':', ' ', ';']).any(|word| word == part)
    });
    named || grouped
}

#[test]
fn the_scanner_sees_what_it_should() {
    assert_eq!(
        lines_naming(
            "use clap::Parser;\nlet x = my::clap::y;\nclap::run();\nmyclap::x\nuse clap;",
            "clap"
        ),
        [1, 3, 5]
    );
    assert!(reaches("use std::fs;", "fs"));
    assert!(reaches("use std::{fmt, fs};", "fs"));
    assert!(reaches("std::time::Instant::now()", "time"));
    assert!(!reaches("use std::fmt;", "fs"));
    assert!(!reaches("use std::process_things;", "process"));
}
