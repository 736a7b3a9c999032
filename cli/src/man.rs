//! `layerc man`: the manual pages, one for each command, for packages and installations.

use crate::exit::Exit;
use crate::{Cli, terminal};
use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  layerc man ~/.local/share/man/man1     then: man layerc, man layerc-run";

/// `layerc man DIRECTORY`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where the pages go; made if it isn't there
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

/// Writes them.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let place = arguments.directory.display();
    std::fs::create_dir_all(&arguments.directory)
        .with_context(|| format!("cannot make `{place}`"))?;
    clap_mangen::generate_to(Cli::command(), &arguments.directory)
        .with_context(|| format!("cannot write to `{place}`"))?;
    terminal::tell(&format!("wrote the manual pages to {place}\n"));
    Ok(Exit::Success)
}
