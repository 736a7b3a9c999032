//! The tree-sitter grammar against the compiler: the parser that is checked in is the one of the grammar, its trees are
//! the compiler's, and its queries are valid.

use layerc_tests::editor_clients::{command, program};
use layerc_tests::editor_files::tree_of;
use layerc_tests::layerc::Outcome;
use layerc_tests::project_files::root;
use layerc_tests::{reference, skip};
use std::path::{Path, PathBuf};

/// The grammar's folder and a command line of `tree-sitter` in it; `None` when it isn't installed.
fn tree_sitter(test: &str, home: &Path) -> Option<std::process::Command> {
    match program("tree-sitter") {
        Ok(program) => {
            let mut command = command(&program, home);
            command.current_dir(root().join("editors/tree-sitter-layerfile"));
            Some(command)
        }
        Err(reason) => {
            skip::skipped(test, &reason);
            None
        }
    }
}

fn succeed(command: &mut std::process::Command) {
    let outcome = Outcome::of(command);
    assert!(outcome.status.success(), "{command:?}: {}", outcome.everything());
}

#[test]
fn the_generated_parser_is_the_one_of_the_grammar() {
    let home = tempfile::tempdir().unwrap();
    let Some(mut generate) = tree_sitter("the generated parser", home.path()) else { return };
    let made = home.path().join("src");
    std::fs::create_dir(&made).unwrap();
    succeed(generate.arg("generate").arg("--output").arg(&made));
    for name in ["parser.c", "grammar.json", "node-types.json"] {
        let kept = root().join("editors/tree-sitter-layerfile/src").join(name);
        assert!(
            std::fs::read(made.join(name)).unwrap() == std::fs::read(&kept).unwrap(),
            "{} is not of today's grammar: run `tree-sitter generate` there",
            kept.display()
        );
    }
}

#[test]
fn trees_of_the_specifications_examples_are_the_compilers() {
    let home = tempfile::tempdir().unwrap();
    let Some(mut test) = tree_sitter("trees of the examples", home.path()) else { return };
    succeed(test.arg("test"));
}

#[test]
fn trees_of_public_files_are_the_compilers() {
    let home = tempfile::tempdir().unwrap();
    let Some(mut parse) = tree_sitter("trees of public files", home.path()) else { return };
    let Some(folder) = reference::folder() else {
        skip::skipped("trees of public files", "no folder `shared` beside the repository");
        return;
    };
    let accepted = accepted_files(&folder.join("corpus"));
    assert!(accepted.len() > 100, "only {} files of the corpus are accepted", accepted.len());
    let list = home.path().join("list");
    let paths: Vec<&str> = accepted.iter().map(|(path, _)| path.to_str().unwrap()).collect();
    std::fs::write(&list, paths.join("\n")).unwrap();
    let outcome = Outcome::of(
        parse.args(["parse", "--no-ranges", "--grammar-path", ".", "--paths"]).arg(&list),
    );
    let trees = top_level_trees(&outcome.stdout);
    assert_eq!(trees.len(), accepted.len(), "{}", outcome.stderr);
    let differing: Vec<String> = accepted
        .iter()
        .zip(trees)
        .filter(|((_, expected), tree)| flat(expected) != flat(tree))
        .map(|((path, expected), tree)| {
            format!("{}\n{}\n{}", path.display(), flat(expected), flat(&tree))
        })
        .collect();
    assert!(
        differing.is_empty(),
        "{} of {}:\n{}",
        differing.len(),
        accepted.len(),
        differing.join("\n")
    );
}

/// The files that the compiler accepts, with the trees it would give them.
fn accepted_files(corpus: &Path) -> Vec<(PathBuf, String)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "layerfile"))
        .collect();
    files.sort();
    let with_tree = |path: PathBuf| {
        let text = String::from_utf8(std::fs::read(&path).unwrap()).ok()?;
        tree_of(&text).map(|tree| (path, tree))
    };
    files.into_iter().filter_map(with_tree).collect()
}

/// One text for each tree that begins at the start of a line.
fn top_level_trees(output: &str) -> Vec<String> {
    let mut trees: Vec<String> = Vec::new();
    for line in output.lines() {
        if line.starts_with('(') {
            trees.push(String::new());
        }
        if let Some(tree) = trees.last_mut().filter(|_| line.starts_with(['(', ' '])) {
            tree.push_str(line);
            tree.push('\n');
        }
    }
    trees
}

/// Blanks reduced to one, so that layout doesn't count.
fn flat(tree: &str) -> String {
    tree.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn queries_are_valid_and_catch_something() {
    let home = tempfile::tempdir().unwrap();
    let example =
        root().join("editors/tree-sitter-layerfile/test/highlight/instructions.layerfile");
    for query in ["highlights", "injections", "folds", "indents"] {
        let Some(mut command) = tree_sitter("queries", home.path()) else { return };
        let outcome =
            Outcome::of(command.arg("query").arg(format!("queries/{query}.scm")).arg(&example));
        assert!(
            outcome.status.success() && outcome.stdout.contains("capture"),
            "{query}: {}",
            outcome.everything()
        );
    }
}
