//! What each kind of device is made with on the host.
//!
//! A machine that is restored gets new parts and old states.

use super::balloon::BalloonDevice;
use super::device::Device;
use super::disk::{Disk, DiskDevice};
use super::files::{FilesDevice, FilesPart};
use super::network::{NetworkDevice, NetworkPart};
use super::rng::EntropyDevice;
use super::sockets::{SocketsDevice, SocketsPart};
use std::sync::Arc;

/// A device to be.
#[derive(Debug)]
pub enum DevicePart {
    /// Takes back what the guest has freed.
    Balloon,
    /// Randomness of the host.
    Entropy,
    /// Sockets of the guest, with the end that [`SocketsPart::new`] made beside a connector.
    Sockets(SocketsPart),
    /// A disk, shared with whoever takes snapshots of it.
    Disk(Arc<Disk>),
    /// The repository's files, with the end that [`FilesPart::new`] made beside the server's.
    Files(FilesPart),
    /// A network card with a stream of frames behind it.
    Network(NetworkPart),
}

impl DevicePart {
    pub(super) fn into_device(self) -> Box<dyn Device> {
        match self {
            Self::Balloon => Box::new(BalloonDevice::new()),
            Self::Entropy => Box::new(EntropyDevice::new()),
            Self::Sockets(part) => Box::new(SocketsDevice::new(part)),
            Self::Disk(disk) => Box::new(DiskDevice::new(disk)),
            Self::Files(part) => Box::new(FilesDevice::new(part)),
            Self::Network(part) => Box::new(NetworkDevice::new(part)),
        }
    }
}
