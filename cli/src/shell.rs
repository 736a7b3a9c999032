//! `layerc shell`: a shell in the state before or after a step of a run; or one command there.

mod terminal;

use crate::candidates;
use crate::exit::{Exit, WrongUsage};
use crate::past::StoreArgument;
use crate::revisit::{Revisit, RevisitArguments};
use anyhow::{Context, Result};
use clap::Args;
use layerc_executor::backend::{CommandEnd, Stream};
use layerc_executor::run::visit::{Side, visit};
use std::io::Write;
use terminal::Terminal;

/// What an interactive shell begins with.
const INTERACTIVE: &str = "exec /bin/bash -i";

/// What bash reports for a program that a signal ended: this and the signal's number.
const SIGNAL_BASE: i32 = 128;

const EXAMPLES: &str = "\
Examples:
  layerc shell unit:3                     after step 3 of the runner `unit`, in the newest run
  layerc shell --before unit/Layerfile:7  where the instruction at this line started from
  layerc shell k3f9x2ab unit:3            in another run; `layerc runs` lists them
  layerc shell unit:3 -- cat /etc/hosts   one command, without a terminal

The shell has the step's user, directory and variables. What it does is forgotten when it ends.
Files that COPY and CLONE show are those of the repositories as they are now.";

/// `layerc shell [RUN] STEP [-- COMMAND]`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "layerc shell [OPTIONS] [RUN] STEP [-- COMMAND...]")]
pub(crate) struct Arguments {
    /// A run by name, its beginning or `last`, and a step: RUNNER:NUMBER or LAYERFILE:LINE
    #[arg(value_name = "[RUN] STEP", num_args = 1..=2, required = true, add = candidates::runs_and_steps())]
    words: Vec<String>,

    /// The state that the step started from
    #[arg(long)]
    before: bool,

    /// A command to run there; one word is a script for bash
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,

    #[command(flatten)]
    revisit: RevisitArguments,

    #[command(flatten)]
    store: StoreArgument,
}

/// Goes there.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let archive = arguments.store.open()?;
    let (run, step) = archive.run_and_named_step(&arguments.words)?;
    let side = if arguments.before { Side::Before } else { Side::After };
    let revisit = Revisit::of(archive, &run, &arguments.revisit)?;
    let target = revisit.target(&step, side)?;
    let end = if arguments.command.is_empty() {
        let terminal = Terminal::of_this_process().ok_or_else(|| {
            WrongUsage("there is no terminal for a shell; give a command: `-- COMMAND`".to_owned())
        })?;
        interactive(&revisit, &target, terminal)?
    } else {
        let script = script(&arguments.command);
        revisit.with_setup(|setup| {
            visit(setup, &target, &mut |machine, mut command| {
                command.script.clone_from(&script);
                machine.execute(&command, &mut copy)
            })
        })?
    };
    Ok(Exit::Command(code(end)))
}

fn interactive(
    revisit: &Revisit,
    target: &layerc_executor::run::visit::Target,
    terminal: Terminal,
) -> Result<CommandEnd> {
    let side = terminal.open().context("cannot make a terminal for the machine")?;
    let mut side = Some(side);
    revisit.with_setup(|setup| {
        visit(setup, target, &mut |machine, mut command| {
            INTERACTIVE.clone_into(&mut command.script);
            if let Ok(kind) = std::env::var("TERM") {
                command.environment.insert("TERM".to_owned(), kind);
            }
            if let Some(side) = side.take() {
                machine.give_terminal(side.machine())?;
                let _relay = side.relay();
                return machine.execute(&command, &mut copy);
            }
            machine.execute(&command, &mut copy)
        })
    })
}

/// Passes on what a command prints, as it is.
fn copy(stream: Stream, bytes: &[u8]) {
    let written = match stream {
        Stream::Stdout => {
            std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush())
        }
        Stream::Stderr => std::io::stderr().write_all(bytes),
        Stream::Answer => Ok(()),
    };
    // Whoever read it may have gone; the command goes on, as in a pipe that nobody reads any more.
    let _closed = written;
}

/// One word as it is; several as bash would have to read them to get these words.
fn script(words: &[String]) -> String {
    match words {
        [script] => script.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn code(end: CommandEnd) -> u8 {
    let code = match end {
        CommandEnd::Exited(code) => code,
        CommandEnd::Signalled(signal) => SIGNAL_BASE + signal,
        CommandEnd::LeftRunning => 0,
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        let words =
            |text: &[&str]| -> Vec<String> { text.iter().map(|word| (*word).to_owned()).collect() };
        assert_eq!(script(&words(&["ls | wc -l"])), "ls | wc -l");
        assert_eq!(script(&words(&["cat", "a b", "it's", ""])), r"cat 'a b' 'it'\''s' ''");
    }
}
