//! The examples and numbers of `spec/command-line.md` and `spec/plan-format.md`, tried.

use layerc_planner::{codec, limits};
use layerc_tests::layerc::{Outcome, program};
use layerc_tests::project_files::read;
use layerc_tests::repository::Repository;
use std::process::Command;

/// A fenced block: the words behind the fence, and the lines in it.
struct Block {
    heading: String,
    lines: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(heading), None) => {
                open = Some(Block { heading: heading.to_owned(), lines: Vec::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    blocks
}

/// What a terminal shows after a command: both outputs, as they come.
fn shown(repository: &Repository, command: &str) -> String {
    let directory = program().parent().expect("the program is in a directory");
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap_or_default());
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(repository.path());
    bash.env("PATH", path).env("NO_COLOR", "1").env_remove("COLUMNS");
    Outcome::of(&mut bash).stdout
}

#[test]
fn the_console_examples_show_what_a_terminal_shows() {
    let repository = Repository::new();
    let mut expected = String::new();
    let mut actual = String::new();
    for block in blocks(&read("spec/command-line.md")) {
        let text = block.lines.join("\n") + "\n";
        if let Some(path) = block.heading.strip_prefix("file ") {
            repository.write(path, &text);
        } else if block.heading == "console" {
            for command in block.lines.iter().filter_map(|line| line.strip_prefix("$ ")) {
                actual += &format!("$ {command}\n{}", shown(&repository, command));
            }
            expected += &text;
        }
    }
    assert!(expected.contains("$ layerc plan\n"), "the page has lost its examples");
    assert!(actual == expected, "the page should say:\n{actual}");
}

#[test]
fn the_smallest_plan_is_the_one_on_the_page() {
    let page = read("spec/plan-format.md");
    let block = blocks(&page)
        .into_iter()
        .find(|block| block.heading == "hex")
        .expect("a hexadecimal example");
    let bytes: Vec<u8> = block
        .lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .map(|byte| u8::from_str_radix(byte, 16).expect("a hexadecimal byte"))
        .collect();
    let plan = codec::decode(&bytes).expect("a plan");
    assert!(plan.layerfiles.is_empty());
    assert_eq!(codec::encode(&plan).expect("bytes"), bytes);
}

#[test]
fn the_limits_are_the_ones_on_the_page() {
    let page = read("spec/plan-format.md");
    for (name, limit, unit) in [
        ("file", limits::MAX_FILE_BYTES, " bytes"),
        ("Layerfiles", limits::MAX_LAYERFILES, ""),
        ("nodes", limits::MAX_NODES, ""),
        ("edges", limits::MAX_EDGES, ""),
        ("one text", limits::MAX_STRING_BYTES, " bytes"),
        ("entries of one list", limits::MAX_LIST_ENTRIES, ""),
    ] {
        let row = format!("| {name} | {limit}{unit} |");
        assert!(page.contains(&row), "spec/plan-format.md lacks `{row}`");
    }
}
