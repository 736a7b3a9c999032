//! README, ARCHITECTURE and the other documents name only what exists: paths, commands, options.

use crate::findings::Findings;
use layerc_tests::layerc::{Outcome, layerc};
use layerc_tests::project_files::{all, read, root};
use layerc_tests::repository::Repository;
use std::collections::BTreeSet;

/// The documents under this rule.
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "spec/README.md"];
/// ARCHITECTURE fits on three screens.
const ARCHITECTURE_LINES: usize = 180;
/// Names that look like paths of the project but belong to a user's repository, a machine or a build.
const FOREIGN: &[&str] = &["layerc.toml", "target/", ".git", "Cargo.lock"];

/// The words between backticks outside fenced blocks.
fn inline_code(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// Lines of fenced blocks for a shell, prompts removed, continuations joined.
fn shell_lines(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines: Vec<String> = Vec::new();
    let mut continued = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside && (line.contains("```sh") || line.contains("```console"));
            continue;
        }
        if !inside {
            continue;
        }
        let line = line.trim().trim_start_matches("$ ");
        let (line, goes_on) = line.strip_suffix('\\').map_or((line, false), |rest| (rest, true));
        match lines.last_mut().filter(|_| continued) {
            Some(last) => last.push_str(line),
            None => lines.push(line.to_owned()),
        }
        continued = goes_on;
    }
    lines
}

/// Whether inline code is meant as a path of this project: it has a slash or a known extension, and no blanks.
fn is_path(code: &str) -> bool {
    let extensions = [".rs", ".md", ".toml", ".sh"];
    let plain = code.chars().all(|c| c.is_ascii_alphanumeric() || "._-/*".contains(c));
    let looks = code.contains('/') || extensions.iter().any(|extension| code.ends_with(extension));
    plain
        && looks
        && !code.starts_with(['/', '.', '-']) | code.starts_with(".ci/")
        && !code.starts_with("vm/")
}

fn exists(path: &str, files: &[String]) -> bool {
    let wanted = path.trim_end_matches('/');
    if let Some((prefix, suffix)) = wanted.split_once('*') {
        return files.iter().any(|file| file.starts_with(prefix) && file.ends_with(suffix));
    }
    files.iter().any(|file| file == wanted || file.starts_with(&format!("{wanted}/")))
}

#[test]
fn documents_name_paths_that_exist() {
    let mut findings = Findings::of("a path in a document exists in the project");
    let files = all();
    let top: BTreeSet<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    for document in DOCUMENTS {
        for code in inline_code(&read(document)) {
            let first = code.split('/').next().unwrap_or_default();
            let ours = top.contains(first) || code.ends_with(".rs") || code.ends_with(".md");
            if !is_path(&code) || !ours || FOREIGN.contains(&code.as_str()) {
                continue;
            }
            if !exists(&code, &files) {
                findings.add(document, format_args!("`{code}` does not exist"));
            }
        }
    }
    findings.report();
}

/// The subcommand and the options of a `layerc` command line; nothing for other lines.
fn layerc_words(line: &str) -> Option<Vec<String>> {
    let line = line.split(" #").next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let rest = match words.as_slice() {
        ["layerc", rest @ ..] => rest,
        ["cargo", "run", cargo @ ..] => {
            let separator = cargo.iter().position(|word| *word == "--")?;
            cargo.get(separator + 1..)?
        }
        _ => return None,
    };
    Some(
        rest.iter()
            .take_while(|word| !["|", ">", "&&", ";"].contains(word))
            .map(|word| (*word).to_owned())
            .collect(),
    )
}

#[test]
fn documents_show_commands_that_parse() {
    let mut findings =
        Findings::of("a `layerc` command in a document is one the program knows, options included");
    for document in DOCUMENTS.iter().chain(&["spec/examples/web-service/README.md"]) {
        let text = read(document);
        let lines = shell_lines(&text);
        let inline = inline_code(&text);
        for words in lines.iter().chain(&inline).filter_map(|line| layerc_words(line)) {
            check_command(document, &words, &mut findings);
        }
    }
    findings.report();
}

fn check_command(document: &str, words: &[String], findings: &mut Findings) {
    let Some((subcommand, rest)) = words.split_first() else { return };
    let help = if subcommand.starts_with('-') {
        Outcome::of(&mut layerc(["--help"]))
    } else {
        Outcome::of(&mut layerc([subcommand.as_str(), "--help"]))
    };
    if !help.status.success() {
        findings.add(
            document,
            format_args!("`layerc {subcommand}` is not a command: {}", help.stderr.trim()),
        );
        return;
    }
    let options =
        rest.iter().filter(|word| word.starts_with('-') && word.len() > 1 && *word != "--");
    for option in options {
        let name = option.split('=').next().unwrap_or_default();
        let known =
            help.stdout.split(|c: char| c.is_whitespace() || c == ',' || c == '[').any(|word| {
                word == name || word.strip_prefix(name).is_some_and(|after| after.starts_with('='))
            });
        if !known {
            findings.add(document, format_args!("`layerc {subcommand}` has no option `{name}`"));
        }
    }
}

#[test]
fn the_readme_shows_a_configuration_that_is_read() {
    let readme = read("README.md");
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let configuration = block.expect("README.md shows a layerc.toml");
    let repository = Repository::with(&[("layerc.toml", configuration)]);
    let outcome = Outcome::of(layerc(["check"]).arg(repository.path()));
    assert_eq!(outcome.code(), 0, "{}", outcome.everything());
}

#[test]
fn architecture_fits_on_three_screens() {
    let lines = read("ARCHITECTURE.md").lines().count();
    assert!(
        lines <= ARCHITECTURE_LINES,
        "ARCHITECTURE.md has {lines} lines; three screens are {ARCHITECTURE_LINES}"
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut findings =
        Findings::of("a relative link in a Markdown file leads to a file of the project");
    for path in all().into_iter().filter(|path| path.ends_with(".md")) {
        let directory =
            root().join(&path).parent().map(std::path::Path::to_owned).unwrap_or_default();
        for target in read(&path).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let external = target.contains("://") || target.contains(' ') || file.is_empty();
            if !external && !directory.join(file).exists() {
                findings.add(&path, format_args!("links to `{target}`"));
            }
        }
    }
    findings.report();
}

#[test]
fn the_scanner_sees_what_it_should() {
    assert_eq!(inline_code("a `b` c `d/e`\n```sh\n`no`\n```\n`f`"), ["b", "d/e", "f"]);
    assert_eq!(shell_lines("```sh\n$ a \\\n  b\nc\n```\n```text\nd\n```\ne"), ["a b", "c"]);
    assert_eq!(
        layerc_words("layerc run --jobs 2 # x"),
        Some(vec!["run".into(), "--jobs".into(), "2".into()])
    );
    assert_eq!(
        layerc_words("cargo run --release -- plan x | less"),
        Some(vec!["plan".into(), "x".into()])
    );
    assert_eq!(layerc_words("tests/run"), None);
}
