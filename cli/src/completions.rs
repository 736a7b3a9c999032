//! `layerc completions`: a script that teaches a shell to ask this program what could come next.
//!
//! The script stays the same whatever there is to complete: the shell starts the program with [`VARIABLE`] set, and the
//! program answers from its own arguments and, for what a user has, from [`crate::candidates`].

use crate::exit::Exit;
use crate::{Cli, terminal};
use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};

/// Set by the script when it asks; its value is the shell.
const VARIABLE: &str = "LAYERC_COMPLETE";

/// bash gets a script of our own: the library's knows no words with colons, which steps and images have.
const BASH: &str = include_str!("completions/layerc.bash");

const EXAMPLES: &str = "\
Examples:
  layerc completions bash > ~/.local/share/bash-completion/completions/layerc
  layerc completions zsh > ~/.zfunc/_layerc
  layerc completions fish > ~/.config/fish/completions/layerc.fish

Commands, options and their values are completed, and what is there right now: runs, steps, buttons, Layerfiles, caches,
images. Write the script again after an upgrade.";

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
    if arguments.shell == Shell::Bash {
        terminal::print(BASH)?;
        return Ok(Exit::Success);
    }
    let name = arguments.shell.to_string();
    let shells = Shells::builtins();
    let completer = shells.completer(&name).with_context(|| format!("no script for {name}"))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "layerc", "layerc", "layerc", &mut script)?;
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}

/// Answers a script that asks, and ends the program then; otherwise does nothing.
pub(crate) fn answer_script() {
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).complete();
}
