//! The same conversation as each of several editors has it, played by pytest-lsp under their own statements of what
//! they can do.

use layerc_tests::layerc::{Outcome, program};
use layerc_tests::project_files::root;
use layerc_tests::skip::skipped;
use std::path::PathBuf;
use std::process::Command;

/// Where `tests/language-server/install` puts its Python.
fn python() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target).join("language-server/venv/bin/python")
}

#[test]
fn every_profile_of_a_client_is_served() {
    let installed = Outcome::of(&mut Command::new(root().join("tests/language-server/install")));
    if let Some(reason) = installed.stdout.lines().find_map(|line| line.strip_prefix("SKIPPED: ")) {
        return skipped("every_profile_of_a_client_is_served", reason);
    }
    let mut command = Command::new(python());
    let suite = root().join("tests/language-server/test_profiles.py");
    command.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]).arg(suite);
    // The suite ends what hangs by itself and tells where; this is for when it can't.
    command.args(["-o", "faulthandler_timeout=120", "-o", "faulthandler_exit_on_timeout=true"]);
    command.env("LAYERC", program()).env("PYTHONDONTWRITEBYTECODE", "1");
    let outcome = Outcome::of(&mut command);
    assert!(outcome.status.success(), "{}", outcome.everything());
    assert!(
        outcome.stdout.contains("63 passed"),
        "seven profiles of nine tests: {}",
        outcome.stdout
    );
}
