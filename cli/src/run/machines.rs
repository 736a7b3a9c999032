//! What the command line says about machines: where their images may come from, and what they reach.

use crate::configuration::{Configuration, Network, PullChoice};
use clap::Args;
use layerc_executor::images::Trust;
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

    /// Most that a step may write to disk; without it, until hardly anything is left for others
    #[arg(long, value_name = "SIZE", value_parser = crate::size::parse)]
    max_disk: Option<u64>,

    /// What steps reach besides their own machine [default: pasta where it is installed, else none]
    #[arg(long, value_enum, value_name = "WHICH")]
    network: Option<Network>,
}

/// Options about registries.
#[derive(Debug, Args)]
pub(crate) struct TrustArguments {
    /// Trust registries with this certificate or authority (PEM); SSL_CERT_FILE is obeyed too
    #[arg(long, value_name = "FILE")]
    registry_certificate: Vec<PathBuf>,
}

impl TrustArguments {
    /// For the executor.
    pub(crate) fn trust(&self) -> Trust {
        Trust { certificates: self.registry_certificate.clone() }
    }
}

impl MachineArguments {
    /// Whether the command line asks for the host's own network.
    pub(super) fn is_host_network(&self) -> bool {
        self.network == Some(Network::Host)
    }

    /// Settings of the backend: the command line's, else the configuration's.
    pub(super) fn options(&self, configuration: &Configuration) -> OverlayOptions {
        let pull = self.pull.or(configuration.run.pull).unwrap_or(PullChoice::Missing);
        let network = self.network.or(configuration.run.network);
        OverlayOptions {
            network: network.map_or(NetworkChoice::Automatic, Network::choice),
            pull: pull.policy(),
            disk_limit_bytes: self.max_disk.or(configuration.run.max_disk_bytes),
            trust: self.trust.trust(),
            ..OverlayOptions::default()
        }
    }
}
