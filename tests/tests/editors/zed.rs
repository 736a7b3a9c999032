//! The configuration for Zed, as far as it can be looked at without Zed: its parts name each other as Zed wants it.

use layerc_tests::project_files::{read, root};

/// The value of a key in TOML of one line each, quotes removed.
fn value(text: &str, section: &str, key: &str) -> String {
    let inside = match section {
        "" => text,
        section => text.split_once(&format!("[{section}]\n")).expect(section).1,
    };
    let lines = inside.lines().take_while(|line| section.is_empty() || !line.starts_with('['));
    let found = lines.filter_map(|line| line.split_once(" = ")).find(|(name, _)| *name == key);
    found.unwrap_or_else(|| panic!("{section} has {key}")).1.trim_matches('"').to_owned()
}

#[test]
fn the_parts_of_the_zed_extension_fit_together() {
    let extension = read("editors/zed/extension.toml");
    let language = read("editors/zed/languages/layerfile/config.toml");
    let name = value(&language, "", "name");
    let servers = value(&extension, "language_servers.layerc", "languages");
    assert!(servers.contains(&format!("\"{name}\"")), "{servers} has {name}");
    let grammar = value(&language, "", "grammar");
    let folder = root().join(value(&extension, &format!("grammars.{grammar}"), "path"));
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
