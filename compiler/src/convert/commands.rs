//! The two forms of a Docker command: words that are a program's arguments, and a text for a shell.

use super::{quoting, words};

/// A command of RUN, CMD, ENTRYPOINT or HEALTHCHECK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `["program", "argument"]`: no shell reads it.
    Words(Vec<String>),
    /// Shell text.
    Text(String),
}

impl Command {
    /// What the arguments of an instruction say; `None` if nothing.
    pub(super) fn of(arguments: &str) -> Option<Self> {
        match words::json_array(arguments) {
            Some(words) if words.is_empty() => None,
            Some(words) => Some(Self::Words(words)),
            None if arguments.trim().is_empty() => None,
            None => Some(Self::Text(arguments.trim().to_owned())),
        }
    }

    /// The same as bash text.
    pub(super) fn shell_text(&self) -> String {
        match self {
            Self::Words(words) => quoting::command(words),
            Self::Text(text) => text.clone(),
        }
    }
}
