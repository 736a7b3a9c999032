//! The Zed extension: says how the language server is started. Everything about Layerfiles is the server's.
//!
//! Knows the PATH of the project that is open and nothing else; colours come from the grammar beside it.

use zed_extension_api::{Command, Extension, LanguageServerId, Result, Worktree, register_extension};

struct Layerfile;

impl Extension for Layerfile {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, _: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let command = worktree
            .which("layerc")
            .ok_or("`layerc` is not on the PATH: install it, then reload the extension")?;
        Ok(Command { command, args: vec!["lsp".to_owned()], env: worktree.shell_env() })
    }
}

register_extension!(Layerfile);
