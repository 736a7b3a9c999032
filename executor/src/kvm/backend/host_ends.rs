//! What is behind a machine's devices on the host: the same devices in the same order for every machine, since one that
//! is restored finds those that it had.

use super::network::{Card, Outside, card};
use crate::agent::guest::REPOSITORY_TAG;
use crate::agent::protocol::GuestNetwork;
use crate::backend::BackendError;
use crate::kvm::Secrecy;
use crate::kvm::devices::disk::{Delta, DiskFiles};
use crate::kvm::devices::files::FilesPart;
use crate::kvm::devices::sockets::SocketsPart;
use crate::kvm::guest::GuestParts;
use crate::kvm::process::HandedDevice;
use crate::overlay::NetworkChoice;
use crate::overlay::failure::Doing;
use crate::tracked::{Repository, SavedFiles, TrackedServer};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What a machine is made over.
pub(super) struct Behind<'a> {
    /// The disk of its base.
    pub(super) base_disk: &'a Path,
    /// The differences of its chain, oldest first.
    pub(super) frozen: Vec<Delta>,
    /// What it writes.
    pub(super) written: Delta,
    /// Of what it writes.
    pub(super) secrecy: Secrecy,
    pub(super) repository: &'a Arc<Repository>,
    /// What it was told of that before.
    pub(super) saved: Option<&'a SavedFiles>,
    pub(super) network: NetworkChoice,
    pub(super) grace: Duration,
}

/// See the module.
pub(super) struct HostEnds {
    pub(super) devices: Vec<HandedDevice>,
    pub(super) guest: GuestParts,
    pub(super) outside: Outside,
    /// What the guest is told of its network.
    pub(super) network: Option<GuestNetwork>,
    /// What the user is told of it.
    pub(super) note: Option<String>,
}

impl HostEnds {
    /// Makes them.
    pub(super) fn new(behind: Behind<'_>) -> Result<Self, BackendError> {
        let disk = disk(behind.base_disk, behind.frozen, behind.written, behind.secrecy)?;
        let doing = || "make the devices of a virtual machine".to_owned();
        let (sockets, connector) = SocketsPart::new().doing(doing)?;
        let (files, socket) = FilesPart::new(REPOSITORY_TAG).doing(doing)?;
        let repository = Arc::clone(behind.repository);
        let server = TrackedServer::start_for_guest(socket, Arc::clone(&repository), behind.saved)
            .doing(|| "serve the repository".to_owned())?;
        let Card { part, outside, told, note } = card(behind.network)?;
        let devices = vec![
            HandedDevice::Entropy,
            HandedDevice::Sockets(sockets),
            disk,
            HandedDevice::Files(files),
            HandedDevice::Network(part),
            HandedDevice::Balloon,
        ];
        let guest = GuestParts { connector, server, repository, grace: behind.grace };
        Ok(Self { devices, guest, outside, network: told, note })
    }
}

fn disk(
    base: &Path,
    frozen: Vec<Delta>,
    written: Delta,
    secrecy: Secrecy,
) -> Result<HandedDevice, BackendError> {
    let doing = || format!("open {}", base.display());
    let base = Arc::new(File::open(base).doing(doing)?);
    let bytes = base.metadata().doing(doing)?.len();
    Ok(HandedDevice::Disk(DiskFiles { base, frozen, written }, bytes, secrecy))
}
