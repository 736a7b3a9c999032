//! Whether a machine has heard a secret, and from which of its kept states on it is encrypted.

use crate::kvm::Secrecy;
use crate::sealing::Key;
use serde::{Deserialize, Serialize};
use std::io;

/// See the module. Nothing leads back from encrypted to open: what starts from a machine that heard a secret knows it too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Lineage {
    /// It has heard none.
    #[default]
    Open,
    /// It has.
    Sealed {
        /// Encrypts what it keeps.
        key: Key,
        /// How many states of its chain are from before that, and open.
        open: usize,
    },
}

impl Lineage {
    /// Of a machine that hears a secret behind so many kept states.
    pub(super) fn hears(open: usize) -> io::Result<Self> {
        Ok(Self::Sealed { key: Key::drawn()?, open })
    }

    /// What is kept from now on.
    pub(super) fn now(&self) -> Secrecy {
        match self {
            Self::Open => Secrecy::Open,
            Self::Sealed { key, .. } => Secrecy::Sealed(key.clone()),
        }
    }

    /// The state of this number in the chain.
    pub(super) fn of(&self, number: usize) -> Secrecy {
        match self {
            Self::Sealed { open, .. } if number < *open => Secrecy::Open,
            Self::Open | Self::Sealed { .. } => self.now(),
        }
    }
}
