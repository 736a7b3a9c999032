//! The exit codes of every command: one closed list, documented where `--help` prints it.
//!
//! A command returns the [`Exit`] it earned. An error that reaches `main` means 2 when it is [`WrongUsage`], else 3.

use std::fmt;
use std::process::ExitCode;

/// What `layerc --help` says about exit codes. Kept beside the enum so that they change together.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done; nothing to complain about
  1    findings: errors in Layerfiles, files that need formatting, a step that failed
  2    wrong usage: unknown option, broken layerc.toml, nothing there under the given path
  3    this machine got in the way: a file can't be read or written, a missing permission
  4    waiting for a person at a BUTTON that nobody pressed; `layerc run --resume` goes on
  130  interrupted by Ctrl-C";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing to complain about.
    Success,
    /// Something to complain about in the repository.
    Findings,
    /// The command line or the configuration makes no sense.
    Usage,
    /// The machine got in the way.
    Machine,
    /// A run waits for a person.
    Waiting,
    /// Stopped by the person.
    Interrupted,
    /// What a command in a machine ended with.
    Command(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Machine => 3,
            Exit::Waiting => 4,
            Exit::Interrupted => 130,
            Exit::Command(code) => code,
        })
    }
}

/// An error of the person who typed the command or wrote the configuration, with what to do about it.
#[derive(Debug)]
pub(crate) struct WrongUsage(pub(crate) String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}
