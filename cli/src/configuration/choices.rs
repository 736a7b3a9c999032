//! Words that mean the same in `layerc.toml` and on the command line.

use clap::ValueEnum;
use layerc_executor::backend::ExecutorKind;
use layerc_executor::images::Pull;
use layerc_executor::overlay::NetworkChoice;

/// `--network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Network {
    /// Nothing
    None,
    /// Other machines through pasta (package passt), and nothing on this machine's loopback
    Pasta,
    /// All that this machine reaches, its own services included
    Host,
}

impl Network {
    /// By its word in the configuration.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::from_str(word, false).ok()
    }

    /// For the executor.
    pub(crate) fn choice(self) -> NetworkChoice {
        match self {
            Self::None => NetworkChoice::None,
            Self::Pasta => NetworkChoice::Pasta,
            Self::Host => NetworkChoice::Host,
        }
    }
}

/// `--pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PullChoice {
    /// Those that are not in the store
    Missing,
    /// All, each time; only what is new is transferred
    Always,
    /// None: the network is not used for images
    Never,
}

impl PullChoice {
    /// By its word in the configuration.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::from_str(word, false).ok()
    }

    /// For the executor.
    pub(crate) fn policy(self) -> Pull {
        match self {
            Self::Missing => Pull::Missing,
            Self::Always => Pull::Always,
            Self::Never => Pull::Never,
        }
    }
}

/// `--executor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExecutorChoice {
    /// Virtual machines, whose memory and processes are kept from step to step
    Kvm,
    /// Namespaces and OverlayFS: files are kept, processes not
    Overlay,
    /// Virtual machines where the processor runs them and they can do what the plan asks for, else namespaces
    Auto,
}

impl ExecutorChoice {
    /// By its word in the configuration.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::from_str(word, false).ok()
    }

    /// What an earlier run had.
    pub(crate) const fn of(kind: ExecutorKind) -> Self {
        match kind {
            ExecutorKind::Overlay => Self::Overlay,
            ExecutorKind::Kvm => Self::Kvm,
        }
    }
}
