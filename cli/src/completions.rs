//! `layerc completions`: a script that teaches a shell the commands and options.

use crate::exit::Exit;
use crate::{Cli, terminal};
use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  layerc completions bash > ~/.local/share/bash-completion/completions/layerc
  layerc completions zsh > ~/.zfunc/_layerc
  layerc completions fish > ~/.config/fish/completions/layerc.fish";

/// `layerc completions SHELL`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The shell to write for
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "layerc", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
