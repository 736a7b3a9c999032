//! The TextMate grammar in the engine that VS Code uses, with VS Code's own grammar for the shell inside RUN.

use layerc_tests::editor_clients::{folder, program};
use layerc_tests::layerc::Outcome;
use layerc_tests::project_files::root;
use layerc_tests::skip;
use std::process::Command;

#[test]
fn the_grammar_colours_instructions_and_shell() {
    let shell = folder().join(
        "npm/node_modules/code-server/lib/vscode/extensions/shellscript/syntaxes/shell-unix-bash.tmLanguage.json",
    );
    let program = match program("tmgrammar") {
        Ok(program) if shell.is_file() => program,
        Ok(_) => {
            return skip::skipped(
                "the TextMate grammar",
                "VS Code's shell grammar is not installed",
            );
        }
        Err(reason) => return skip::skipped("the TextMate grammar", &reason),
    };
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .args(["--grammar", "editors/vscode/syntaxes/layerfile.tmLanguage.json"]);
    command.arg("--grammar").arg(shell).arg("tests/editors/grammar/instructions.layerfile");
    let outcome = Outcome::of(&mut command);
    assert!(outcome.status.success(), "{}", outcome.everything());
}
