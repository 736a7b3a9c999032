//! What goes wrong inside the agent, on its way to a reply.
//!
//! Two kinds only: requests that can't be met, and an operating system that says no.

use super::protocol::{ProtocolError, Reply};
use std::io;

/// A failure with what was being done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request can't be met.
    Refused(String),
    /// The operating system said no.
    System {
        /// Verb phrase with object.
        action: String,
        /// What it said.
        source: io::Error,
    },
    /// The executor is gone or speaks another language: nobody is left to tell.
    Unheard(ProtocolError),
}

impl From<ProtocolError> for Failure {
    fn from(error: ProtocolError) -> Self {
        Self::Unheard(error)
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(text) => Self::Refused(text),
            Failure::System { action, source } => Self::Failed {
                action,
                errno: source.raw_os_error().unwrap_or(0),
                text: source.to_string(),
            },
            Failure::Unheard(error) => {
                Self::Failed { action: "listen".to_owned(), errno: 0, text: error.to_string() }
            }
        }
    }
}

/// Says what was being done when the operating system refused.
pub(crate) trait Doing<T> {
    /// `action` is a verb phrase with an object: `mount the root`.
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::System { action: action(), source: error.into() })
    }
}
