//! What the command line says about machines: where their images may come from, and what they reach.

use crate::configuration::Configuration;
use clap::{Args, ValueEnum};
use layerc_executor::images::{Pull, Trust};
use layerc_executor::overlay::{NetworkChoice, OverlayOptions};
use std::path::PathBuf;

/// Options about machines.
#[derive(Debug, Args)]
pub(crate) struct MachineArguments {
    /// When images are fetched from their registries [default: missing]
    #[arg(long, value_enum, value_name = "WHEN")]
    pull: Option<PullChoice>,

    #[command(flatten)]
    trust: TrustArguments,

    /// What steps reach besides their own machine [default: pasta where it is installed, else none]
    #[arg(long, value_enum, value_name = "WHICH")]
    network: Option<Network>,
}

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

    fn choice(self) -> NetworkChoice {
        match self {
            Self::None => NetworkChoice::None,
            Self::Pasta => NetworkChoice::Pasta,
            Self::Host => NetworkChoice::Host,
        }
    }
}

/// Options about registries.
#[derive(Debug, Args)]
pub(crate) struct TrustArguments {
    /// Trust registries with this certificate or authority (PEM); SSL_CERT_FILE is obeyed too
    #[arg(long, value_name = "FILE")]
    registry_certificate: Vec<PathBuf>,
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

    fn policy(self) -> Pull {
        match self {
            Self::Missing => Pull::Missing,
            Self::Always => Pull::Always,
            Self::Never => Pull::Never,
        }
    }
}

impl TrustArguments {
    /// For the executor.
    pub(crate) fn trust(&self) -> Trust {
        Trust { certificates: self.registry_certificate.clone() }
    }
}

impl MachineArguments {
    /// Settings of the backend: the command line's, else the configuration's.
    pub(super) fn options(&self, configuration: &Configuration) -> OverlayOptions {
        let pull = self.pull.or(configuration.run.pull).unwrap_or(PullChoice::Missing);
        let network = self.network.or(configuration.run.network);
        OverlayOptions {
            network: network.map_or(NetworkChoice::Automatic, Network::choice),
            pull: pull.policy(),
            trust: self.trust.trust(),
            ..OverlayOptions::default()
        }
    }
}
