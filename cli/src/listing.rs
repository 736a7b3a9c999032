//! How commands that list things show them.

use clap::ValueEnum;

/// `--format` of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One object a line
    Json,
}
