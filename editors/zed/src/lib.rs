//! The Zed extension: says how the language server is started and which settings it gets. Everything about Layerfiles is
//! the server's.
//!
//! Knows the PATH of the project that is open and what the user wrote under `lsp.layerc`; colours come from the grammar
//! beside it.

use zed_extension_api::settings::LspSettings;
use zed_extension_api::{
    Command, Extension, LanguageServerId, Result, Worktree, register_extension, serde_json,
};

struct Layerfile;

impl Extension for Layerfile {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, server: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let chosen = LspSettings::for_worktree(server.as_ref(), worktree).ok().and_then(|lsp| lsp.binary);
        let (path, arguments) = chosen.map_or((None, None), |binary| (binary.path, binary.arguments));
        let command = path.or_else(|| worktree.which("layerc")).ok_or(
            "`layerc` is not on the PATH: install it, or write its place into `lsp.layerc.binary.path` of the settings",
        )?;
        let args = arguments.unwrap_or_else(|| vec!["lsp".to_owned()]);
        Ok(Command { command, args, env: worktree.shell_env() })
    }

    /// What stands under `lsp.layerc.settings`, under the name by which the server asks for it.
    fn language_server_workspace_configuration(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<serde_json::Value>> {
        let settings = LspSettings::for_worktree(server.as_ref(), worktree).ok().and_then(|lsp| lsp.settings);
        Ok(settings.map(|settings| serde_json::json!({ "layerc": settings })))
    }
}

register_extension!(Layerfile);
