//! What can end a stretch before its last step, and how it is said.

use crate::backend::BackendError;
use crate::engine::Outcome;
use crate::store::{StoreError, is_full};
use std::error::Error;

/// Why a stretch ended early.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A step failed: the user's affair.
    Failed(String),
    /// The machine, the store or the host failed.
    Broken(String),
    /// It was told to stop.
    Stopped,
}

impl Trouble {
    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::Failed(_) => Outcome::Failure,
            Self::Broken(_) => Outcome::Error,
            Self::Stopped => Outcome::Cancelled,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Broken(with_causes(&error))
    }
}

impl From<BackendError> for Trouble {
    fn from(error: BackendError) -> Self {
        let mut text = with_causes(&error);
        if let BackendError::System { source, .. } = &error
            && is_full(source)
        {
            text.push_str(
                "; free space or choose another place for the store with `--store DIRECTORY`",
            );
        }
        match error {
            BackendError::Refused(_) => Self::Failed(text),
            BackendError::Unavailable(_)
            | BackendError::Stopped(_)
            | BackendError::System { .. } => Self::Broken(text),
        }
    }
}

/// An error and what caused it, on one line.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
