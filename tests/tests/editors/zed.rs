//! The extension for Zed, as far as it can be looked at without Zed: its files say only what Zed reads, name each other as Zed
//! wants it, and its queries fit the grammar. With `LAYERC_TEST_ZED=1` it is also compiled the way Zed compiles it, which takes a
//! minute.

use crate::session::copy;
use layerc_tests::editor_clients::{command, program};
use layerc_tests::layerc::Outcome;
use layerc_tests::project_files::{read, root};
use layerc_tests::skip::skipped;
use std::process::Command;

/// The extension's folder.
const FOLDER: &str = "editors/zed";

/// What Zed reads of `extension.toml`, as far as we use it.
const EXTENSION_KEYS: &[&str] =
    &["id", "name", "version", "schema_version", "authors", "description", "repository"];

/// What it reads of a language's `config.toml`, as far as we use it.
const LANGUAGE_KEYS: &[&str] = &[
    "name",
    "grammar",
    "path_suffixes",
    "line_comments",
    "tab_size",
    "hard_tabs",
    "brackets",
    "word_characters",
];

/// What themes have a colour for; what stands behind a dot may be more than they know.
const COLOURS: &[&str] = &[
    "comment", "constant", "embedded", "function", "keyword", "label", "number", "operator",
    "property", "string", "type", "variable",
];

/// The keys and values of a section in TOML with keys at the start of their lines; the first section has no name.
fn section<'t>(text: &'t str, name: &str) -> Vec<(&'t str, &'t str)> {
    let mut current = "";
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            current = head;
        } else if let Some((key, value)) = line.split_once(" = ")
            && current == name
            && key.starts_with(char::is_alphabetic)
        {
            found.push((key, value.trim_matches('"')));
        }
    }
    found
}

fn value<'t>(text: &'t str, name: &str, key: &str) -> &'t str {
    let found = section(text, name).into_iter().find(|(own, _)| *own == key);
    found.unwrap_or_else(|| panic!("[{name}] has {key}")).1
}

fn check_keys(text: &str, name: &str, known: &[&str]) {
    for (key, _) in section(text, name) {
        assert!(known.contains(&key), "Zed doesn't read `{key}` in [{name}]");
    }
}

#[test]
fn the_parts_of_the_zed_extension_fit_together() {
    let extension = read("editors/zed/extension.toml");
    let language = read("editors/zed/languages/layerfile/config.toml");
    check_keys(&extension, "", EXTENSION_KEYS);
    check_keys(&extension, "language_servers.layerc", &["name", "languages"]);
    check_keys(&language, "", LANGUAGE_KEYS);
    let name = value(&language, "", "name");
    let servers = value(&extension, "language_servers.layerc", "languages");
    assert!(servers.contains(&format!("\"{name}\"")), "{servers} has {name}");
    let grammar = value(&language, "", "grammar");
    let place = format!("grammars.{grammar}");
    check_keys(&extension, &place, &["repository", "rev", "path"]);
    assert!(grammar.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{grammar} in snake case");
    let folder = root().join(value(&extension, &place, "path"));
    let parser =
        std::fs::read_to_string(folder.join("src/parser.c")).expect("the generated parser");
    assert!(parser.contains(&format!("tree_sitter_{grammar}(void)")), "the parser of {grammar}");
    let crates = read("editors/zed/Cargo.toml");
    assert_eq!(value(&extension, "", "version"), value(&crates, "package", "version"));
    for spelling in ["Layerfile", "layerfile"] {
        let suffixes = value(&language, "", "path_suffixes");
        assert!(suffixes.contains(&format!("\"{spelling}\"")), "{suffixes} has {spelling}");
    }
}

/// Zed refuses a language whose `not_in` names what `overrides.scm` doesn't capture, and takes no notice of it without the file.
#[test]
fn what_closes_no_brackets_in_zed_is_captured() {
    let language = read("editors/zed/languages/layerfile/config.toml");
    let overrides = read("editors/zed/languages/layerfile/overrides.scm");
    let lists = language.split("not_in = [").skip(1).filter_map(|rest| rest.split(']').next());
    let names = lists.flat_map(|list| list.split(", ")).map(|name| name.trim_matches('"'));
    let names: Vec<&str> = names.collect();
    assert!(!names.is_empty(), "some pairs are left alone in strings");
    for name in names {
        let captured = overrides.split_whitespace().map(|word| word.trim_end_matches(')'));
        let mut captured = captured.filter_map(|word| word.strip_prefix('@'));
        assert!(captured.any(|own| own.split('.').next() == Some(name)), "{name} is captured");
    }
}

#[test]
fn the_queries_for_zed_fit_the_grammar() {
    let folder = root().join(FOLDER).join("languages/layerfile");
    let example = "test/highlight/instructions.layerfile";
    let tool = match program("tree-sitter") {
        Ok(tool) => tool,
        Err(reason) => return skipped("the_queries_for_zed_fit_the_grammar", &reason),
    };
    for query in ["highlights", "injections", "outline", "overrides"] {
        let home = tempfile::tempdir().unwrap();
        let mut query_tool = command(&tool, home.path());
        query_tool.current_dir(root().join("editors/tree-sitter-layerfile")).arg("query");
        let path = folder.join(format!("{query}.scm"));
        let outcome = Outcome::of(query_tool.arg(&path).arg(example));
        let is_fine = outcome.status.success() && outcome.stdout.contains("capture");
        assert!(is_fine, "{query}: {}", outcome.everything());
    }
    let highlights = std::fs::read_to_string(folder.join("highlights.scm")).unwrap();
    let words = highlights.lines().filter(|line| !line.starts_with(';')).flat_map(|line| {
        line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '@' | '.' | '_')))
    });
    for capture in words.filter_map(|word| word.strip_prefix('@')) {
        let first = capture.split('.').next().unwrap_or_default();
        assert!(COLOURS.contains(&first), "themes of Zed know no `@{capture}`");
    }
}

/// Zed compiles the extension itself, with the Rust of the user.
#[test]
fn the_zed_extension_compiles_for_zed() {
    const TARGET: &str = "wasm32-wasip2";
    let test = "the_zed_extension_compiles_for_zed";
    if std::env::var_os("LAYERC_TEST_ZED").is_none() {
        return skipped(test, "it takes a minute; LAYERC_TEST_ZED=1 does it");
    }
    let library =
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let library = library.expect("rustc starts");
    if !std::path::Path::new(String::from_utf8_lossy(&library.stdout).trim()).exists() {
        return skipped(test, "the target is missing: rustup target add wasm32-wasip2");
    }
    let place = tempfile::tempdir().unwrap();
    let extension = copy(FOLDER, place.path());
    let mut build = Command::new("cargo");
    build.args(["build", "--target", TARGET, "--target-dir"]).arg(place.path().join("target"));
    let outcome = Outcome::of(build.current_dir(extension).env_remove("CARGO_TARGET_DIR"));
    assert!(outcome.status.success(), "{}", outcome.everything());
    let module = place.path().join("target").join(TARGET).join("debug/layerfile_zed.wasm");
    assert!(std::fs::read(module).unwrap().starts_with(b"\0asm"), "a module of WebAssembly");
}
