//! The Emacs mode and Eglot, with the server under test.

use crate::session::Session;
use layerc_tests::project_files::root;

#[test]
fn the_mode_works_in_emacs_with_eglot() {
    let Some(session) = Session::start("the mode", "emacs") else { return };
    session.finish(|command| {
        command.args(["--batch", "--quick", "--directory"]).arg(root().join("editors/emacs"));
        command.arg("--load").arg(root().join("tests/editors/emacs/session.el"));
    });
}
