//! From refusals of the operating system and of the agent to errors of the backend.

use crate::agent::protocol::{ProtocolError, Reply};
use crate::backend::BackendError;
use std::io;

/// Says what was being done when the operating system refused.
pub(crate) trait Doing<T> {
    /// `action` is a verb phrase with an object: `make the directory x`.
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, BackendError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, BackendError> {
        self.map_err(|error| BackendError::System { action: action(), source: error.into() })
    }
}

/// An answer that is not the one that was asked for.
pub(crate) fn unexpected(reply: Reply) -> BackendError {
    match reply {
        Reply::Refused(text) => BackendError::Refused(text),
        Reply::Failed { action, errno: 0, text } => {
            BackendError::System { action, source: io::Error::other(text) }
        }
        Reply::Failed { action, errno, .. } => {
            BackendError::System { action, source: io::Error::from_raw_os_error(errno) }
        }
        other => BackendError::Stopped(format!("its agent answered something else: {other:?}")),
    }
}

/// A connection that failed. `last_words` is what the agent left on standard error.
pub(crate) fn disconnected(error: &ProtocolError, last_words: &str) -> BackendError {
    let words = last_words.trim();
    match error {
        ProtocolError::Closed if words.is_empty() => {
            BackendError::Stopped("it was ended from outside".to_owned())
        }
        ProtocolError::Closed => BackendError::Stopped(words.to_owned()),
        other => BackendError::Stopped(other.to_string()),
    }
}
