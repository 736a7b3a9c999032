//! Writing to the terminal: colour choice, one place that writes, one place that reports a failure.
//!
//! Commands build their text and hand it over; styles in it are removed here when the output is not a terminal.

use crate::exit::{Exit, WrongUsage};
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::io::{ErrorKind, Write};

/// How the word `error:` is shown.
const ERROR_STYLE: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);

/// How the word `warning:` is shown.
const WARNING_STYLE: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);

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
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .context("cannot write to standard output")
}

/// Writes `text` to standard output as it is, whatever the output is.
pub(crate) fn print_exactly(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .context("cannot write to standard output")
}

/// Says on standard error why a command could not do its work, causes below.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    if is_closed_pipe(error) {
        return Exit::Success;
    }
    tell(&format!("{ERROR_STYLE}error:{ERROR_STYLE:#} {error}\n"));
    for cause in error.chain().skip(1) {
        tell(&format!("  caused by: {cause}\n"));
    }
    if error.is::<WrongUsage>() { Exit::Usage } else { Exit::Machine }
}

/// Says something on standard error that does not end the command.
pub(crate) fn warn(text: &str) {
    tell(&format!("{WARNING_STYLE}warning:{WARNING_STYLE:#} {text}\n"));
}

/// Says on standard error what makes the result wrong but does not end the command.
pub(crate) fn complain(text: &str) {
    tell(&format!("{ERROR_STYLE}error:{ERROR_STYLE:#} {text}\n"));
}

/// Writes `text` to standard error, for what is not the result but about it. Where that is a file on a full disk, the
/// command goes on without the words.
pub(crate) fn tell(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// How output to standard output should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Styles reach the reader.
    Styled,
    /// They would be removed.
    Plain,
}

/// Whether styles reach the reader of standard output.
pub(crate) fn look() -> Look {
    match AutoStream::choice(&std::io::stdout()) {
        ColorChoice::Never => Look::Plain,
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => Look::Styled,
    }
}

/// Whether the reader of our output went away (`layerc plan | head`): no failure, nobody is listening.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
