//! The Neovim plugin in Neovim 0.11 and 0.12, with the server under test.

use crate::session::{Session, copy};
use layerc_tests::project_files::root;

fn check_session(name: &str) {
    let Some(session) = Session::start("the plugin", name) else { return };
    // Compiling the parser and the tags of the help write into the plugin.
    let plugin = copy("editors/neovim", session.home());
    copy("editors/tree-sitter-layerfile", session.home());
    session.finish(|command| {
        command.env("LAYERC_PLUGIN", &plugin).args(["--clean", "--headless", "--cmd"]);
        command.arg(format!("set runtimepath^={}", plugin.display())).arg("-c");
        let script = root().join("tests/editors/neovim/session.lua");
        command.arg(format!("luafile {}", script.display()));
    });
}

#[test]
fn the_plugin_works_in_neovim_0_11() {
    check_session("nvim-0.11");
}

#[test]
fn the_plugin_works_in_neovim_0_12() {
    check_session("nvim-0.12");
}
