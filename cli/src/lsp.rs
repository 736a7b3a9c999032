//! `layerc lsp`: the language server on standard input and output, over this machine's disk.
//!
//! What editors are told is in the `lsp` crate; here is only what it asks of the machine.

mod machine;
mod outlook;
mod shellcheck;

use crate::exit::Exit;
use anyhow::{Context, Result};
use clap::Args;
use layerc_lsp::server::{Ending, serve};
use machine::Machine;
use std::sync::Arc;

const EXAMPLES: &str = "\
Editors start this themselves; spec/language-server.md lists what they get and how to set them up.

Examples:
  layerc lsp                            serve one editor on standard input and output

Exit code: 0 after the editor's orderly `shutdown` and `exit`, else 1.";

/// `layerc lsp`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Standard input and output: the only way there is, accepted because many clients say it
    #[arg(long)]
    stdio: bool,
}

/// Serves until the client leaves.
pub(crate) fn run(_: &Arguments) -> Result<Exit> {
    let ending = serve(Arc::new(Machine::new())).context("cannot start the language server")?;
    Ok(match ending {
        Ending::Orderly => Exit::Success,
        Ending::Abrupt => Exit::Findings,
    })
}
