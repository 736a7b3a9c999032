//! Every public repository that is at hand: checked, planned, and planned again after formatting.

use layerc_compiler::format::format;
use layerc_compiler::link::{Compiled, compile};
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::NoSources;
use layerc_planner::codec::{decode, encode};
use layerc_planner::{Selection, build};
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::{reference, skip};
use std::path::{Path, PathBuf};

fn trees() -> Option<Vec<PathBuf>> {
    let folder = reference::folder()?.join("corpus-trees");
    let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let mut trees: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    trees.sort();
    Some(trees)
}

#[test]
fn every_public_tree_is_checked_and_planned() {
    let Some(trees) = trees() else {
        return skip::skipped("public trees", "there are none beside the repository");
    };
    let mut planned = 0;
    for tree in &trees {
        let path = tree.to_str().expect("a UTF-8 path");
        let check = Outcome::of(&mut layerc(["check", "--format", "json", path]));
        let plan = Outcome::of(&mut layerc(["plan", path]));
        assert!(matches!(check.code(), 0 | 1), "check {path}: {}", check.everything());
        assert_eq!(plan.code(), check.code(), "plan {path}: {}", plan.everything());
        planned += usize::from(plan.code() == 0);
    }
    assert!(planned * 4 > trees.len() * 3, "only {planned} of {} trees have a plan", trees.len());
}

#[test]
fn formatting_changes_no_plan() {
    let Some(trees) = trees() else {
        return skip::skipped("public trees", "there are none beside the repository");
    };
    let mut compared = 0;
    for tree in &trees {
        let files = layerfiles(tree, tree);
        let formatted = files
            .iter()
            .map(|file| SourceFile { path: file.path.clone(), text: format(&file.text) });
        let formatted: Vec<SourceFile> = formatted.collect();
        if let Some(bytes) = meaning(&files) {
            assert!(
                Some(bytes) == meaning(&formatted),
                "formatting {} changes its plan",
                tree.display()
            );
            compared += 1;
        }
    }
    assert!(compared * 4 > trees.len() * 3, "only {compared} of {} trees have a plan", trees.len());
}

/// The bytes of the plan without what layout changes; checked to be readable.
fn meaning(files: &[SourceFile]) -> Option<Vec<u8>> {
    let Compiled { project, .. } = compile(files, &NoSources, &LintConfiguration::default());
    let plan = build(&project, &Selection::Everything).ok()?.without_positions();
    let bytes = encode(&plan).expect("a built plan can be written");
    decode(&bytes).expect("a written plan can be read");
    Some(bytes)
}

fn layerfiles(root: &Path, directory: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a readable directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(layerfiles(root, &path));
        } else if entry.file_name() == "Layerfile" {
            let relative =
                path.strip_prefix(root).ok().and_then(Path::to_str).and_then(RepoPath::new);
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a readable file"))
                .into_owned();
            files.push(SourceFile { path: relative.expect("a UTF-8 path"), text });
        }
    }
    files
}
