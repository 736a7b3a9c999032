//! Who may import whom, and what every package must say of itself.

use crate::findings::Findings;
use layerc_tests::project_files::{read, root};
use serde_json::Value;
use std::process::Command;

/// Package, directory, and the packages of ours that it may depend on. The executor gets plans and nothing earlier,
/// so it never names the compiler.
const EDGES: &[(&str, &str, &[&str])] = &[
    ("layerc-compiler", "compiler", &[]),
    ("layerc-planner", "planner", &["layerc-compiler"]),
    ("layerc-executor", "executor", &["layerc-planner"]),
    ("layerc-lsp", "lsp", &["layerc-compiler", "layerc-planner"]),
    ("layerc", "cli", &["layerc-compiler", "layerc-planner", "layerc-executor", "layerc-lsp"]),
    (
        "layerc-tests",
        "tests",
        &["layerc-compiler", "layerc-planner", "layerc-executor", "layerc-lsp"],
    ),
];

/// Thresholds of the root clippy.toml that a package's own must repeat: clippy reads only the nearest file.
const SHARED_CLIPPY_LINES: &[&str] = &[
    "too-many-lines-threshold = 70",
    "allow-unwrap-in-tests = true",
    "allow-expect-in-tests = true",
    "allow-indexing-slicing-in-tests = true",
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    metadata["packages"].as_array().cloned().unwrap_or_default()
}

fn text<'value>(value: &'value Value, key: &str) -> &'value str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn crates_depend_in_one_direction() {
    let mut findings = Findings::of(
        "compiler ◄ planner ◄ executor ◄ cli and compiler, planner ◄ lsp ◄ cli, nothing else",
    );
    for package in packages() {
        let name = text(&package, "name");
        let Some((_, _, allowed)) = EDGES.iter().find(|(known, _, _)| *known == name) else {
            findings.add(name, "is not in the table of packages");
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = text(dependency, "name");
            // Unit tests may build what their crate is given in ways that the crate itself may not.
            if text(dependency, "kind") == "dev" {
                continue;
            }
            if target.starts_with("layerc") && !allowed.contains(&target) {
                findings.add(name, format_args!("must not depend on `{target}`"));
            }
        }
    }
    findings.report();
}

#[test]
fn every_package_inherits_the_workspace() {
    let mut findings =
        Findings::of("each package takes lints, licence, edition and versions from the workspace");
    for (_, directory, _) in EDGES {
        let path = format!("{directory}/Cargo.toml");
        let manifest = read(&path);
        for line in
            ["[lints]\nworkspace = true", "license.workspace = true", "edition.workspace = true"]
        {
            if !manifest.contains(line) {
                findings.add(&path, format_args!("lacks `{}`", line.replace('\n', " / ")));
            }
        }
        let dependencies = manifest
            .lines()
            .skip_while(|line| !line.contains("dependencies]"))
            .take_while(|line| !line.starts_with("[[") && !line.starts_with("[features"));
        for line in
            dependencies.filter(|line| line.contains('=') && !line.contains("workspace = true"))
        {
            findings.add(&path, format_args!("`{line}` does not come from the workspace"));
        }
    }
    findings.report();
}

#[test]
fn pure_crates_refuse_the_outside_world_by_lint() {
    let mut findings = Findings::of(
        "compiler and planner list what they must not call, and repeat shared thresholds",
    );
    for directory in ["compiler", "planner"] {
        let path = format!("{directory}/clippy.toml");
        if !root().join(&path).is_file() {
            findings.add(&path, "is missing");
            continue;
        }
        let clippy = read(&path);
        for line in SHARED_CLIPPY_LINES.iter().chain(&["disallowed-methods", "disallowed-types"]) {
            if !clippy.contains(line) {
                findings.add(&path, format_args!("lacks `{line}`"));
            }
        }
    }
    let shared = read("clippy.toml");
    for line in SHARED_CLIPPY_LINES.iter().filter(|line| !shared.contains(**line)) {
        findings.add("clippy.toml", format_args!("lacks `{line}`"));
    }
    findings.report();
}
