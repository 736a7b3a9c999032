//! The exit codes of every command: one closed list, documented where `--help` prints it.
//!
//! A command returns the [`Exit`] it earned; an error that reaches `main` counts as [`Exit::Machine`].

use std::process::ExitCode;

/// What `layerc --help` says about exit codes. Kept beside the enum so that they change together.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done; nothing to complain about
  1    findings: errors in Layerfiles, files that need formatting, a step that failed
  2    wrong usage: unknown option, broken layerc.toml, nothing there under the given path
  3    this machine got in the way: a file can't be read or written, a missing permission
  4    waiting for a person at a BUTTON that nobody could press
  130  interrupted by Ctrl-C";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing to complain about.
    Success,
    /// The machine got in the way.
    Machine,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Machine => 3,
        })
    }
}
