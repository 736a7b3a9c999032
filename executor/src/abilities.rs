//! What kinds of machines there are, and in what their backends differ for whoever runs plans with them.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// What of a machine a backend keeps when it freezes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Keeps {
    /// Its files. That costs next to nothing, so every state is frozen; one with processes can't be.
    Files,
    /// All of it, memory and processes included. That takes a while, so states are frozen where it is worth it.
    Machines,
}

/// Something that plans may ask for and that a backend may be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// This machine's own system as a base.
    HostBase,
}

/// Which kind of machines a run has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorKind {
    /// Namespaces and OverlayFS.
    #[default]
    Overlay,
    /// Virtual machines.
    Kvm,
}

impl Display for ExecutorKind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Overlay => "overlay",
            Self::Kvm => "kvm",
        })
    }
}
