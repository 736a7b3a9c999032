//! The configuration of Helix on a terminal, with the server under test and the parser compiled from the grammar.

use crate::session::{Session, copy};
use layerc_tests::editor_clients::program;
use layerc_tests::layerc::Outcome;
use layerc_tests::project_files::root;
use layerc_tests::skip;
use std::path::Path;
use std::process::Command;

/// Shows findings beside their lines, where the test can read them.
const SHOW_FINDINGS: &str = "[editor]\nend-of-line-diagnostics = \"hint\"\n\
     [editor.inline-diagnostics]\ncursor-line = \"hint\"\n";

#[test]
fn the_configuration_works_in_helix() {
    let Some(session) = Session::start("the configuration", "hx") else { return };
    let python = match program("python") {
        Ok(python) => python,
        Err(reason) => return skip::skipped("the configuration in Helix", &reason),
    };
    let configuration = session.home().join("config/helix");
    copy("editors/helix/runtime", &configuration);
    copy("editors/helix/languages.toml", &configuration);
    std::fs::write(configuration.join("config.toml"), SHOW_FINDINGS).unwrap();
    compile_parser(&configuration.join("runtime/grammars"));
    let (editor, repository) = (session.editor().to_owned(), session.repository().to_owned());
    session.finish_driven(&python, |command| {
        command.arg(root().join("tests/editors/helix/session.py")).arg(editor).arg(repository);
    });
}

/// What `hx --grammar build` does.
fn compile_parser(grammars: &Path) {
    std::fs::create_dir_all(grammars).unwrap();
    let source = root().join("editors/tree-sitter-layerfile/src");
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-fPIC", "-shared", "-I"]).arg(&source);
    compiler.arg("-o").arg(grammars.join("layerfile.so")).arg(source.join("parser.c"));
    let outcome = Outcome::of(&mut compiler);
    assert!(outcome.status.success(), "{}", outcome.everything());
}
