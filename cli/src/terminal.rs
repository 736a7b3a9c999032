//! Writing to the terminal: colour choice, one place that writes, one place that reports a failure.
//!
//! Commands build their text and hand it over; styles in it are removed here when the output is not a terminal.

use crate::exit::Exit;
use anstream::ColorChoice;
use anstyle::{AnsiColor, Effects, Style};
use anyhow::Result;
use clap::ValueEnum;
use std::io::{ErrorKind, Write};

/// How the word `error:` is shown.
const ERROR_STYLE: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes this the choice of the whole process.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => {}
            Self::Always => ColorChoice::Always.write_global(),
            Self::Never => ColorChoice::Never.write_global(),
        }
    }
}

/// Writes `text` to standard output, styles removed unless it is a terminal that wants them.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut output = anstream::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()?;
    Ok(())
}

/// Says on standard error why a command could not do its work, causes below.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    if is_closed_pipe(error) {
        return Exit::Success;
    }
    anstream::eprintln!("{ERROR_STYLE}error:{ERROR_STYLE:#} {error}");
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  caused by: {cause}");
    }
    Exit::Machine
}

/// Whether the reader of our output went away (`layerc plan | head`): no failure, nobody is listening.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
