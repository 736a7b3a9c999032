//! A machine's devices as open files: taken apart where the files are opened, made devices where the machine is.

use crate::kvm::Secrecy;
use crate::kvm::devices::DevicePart;
use crate::kvm::devices::disk::{Delta, Disk, DiskFiles};
use crate::kvm::devices::files::FilesPart;
use crate::kvm::devices::network::NetworkPart;
use crate::kvm::devices::sockets::SocketsPart;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// A device to be, before it is handed over.
#[derive(Debug)]
pub enum HandedDevice {
    /// Takes back what the guest has freed.
    Balloon,
    /// Randomness of the host.
    Entropy,
    /// Sockets of the guest.
    Sockets(SocketsPart),
    /// A disk of so many bytes, and what reads those of its files that are encrypted.
    Disk(DiskFiles, u64, Secrecy),
    /// The repository's files.
    Files(FilesPart),
    /// A network card.
    Network(NetworkPart),
}

/// The same without its open files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DeviceOrder {
    Balloon,
    Entropy,
    /// With its door.
    Sockets,
    /// With its base, what was frozen, oldest first, and what it writes.
    Disk {
        bytes: u64,
        /// How many were frozen and are as they are; older than those that are encrypted.
        open: u32,
        /// How many were frozen encrypted.
        sealed: u32,
        /// Of the latter, and of what it writes.
        secrecy: Secrecy,
    },
    /// With its server.
    Files {
        tag: String,
    },
    /// With its stream.
    Network {
        hardware_address: [u8; 6],
    },
}

impl HandedDevice {
    /// Takes it apart.
    pub(super) fn apart(self, descriptors: &mut Vec<OwnedFd>) -> io::Result<DeviceOrder> {
        Ok(match self {
            Self::Balloon => DeviceOrder::Balloon,
            Self::Entropy => DeviceOrder::Entropy,
            Self::Sockets(part) => {
                descriptors.push(part.into_door().ok_or(io::ErrorKind::NotConnected)?);
                DeviceOrder::Sockets
            }
            Self::Disk(files, bytes, secrecy) => {
                let DiskFiles { base, frozen, written } = files;
                let open =
                    frozen.iter().take_while(|delta| matches!(delta, Delta::Open(_))).count();
                let sealed = count(frozen.len() - open);
                let order = DeviceOrder::Disk { bytes, open: count(open), sealed, secrecy };
                let deltas = frozen.iter().chain([&written]).map(Delta::file);
                for file in std::iter::once(&base).chain(deltas) {
                    descriptors.push(file.as_fd().try_clone_to_owned()?);
                }
                order
            }
            Self::Files(part) => {
                let FilesPart { tag, server } = part;
                descriptors.push(server);
                DeviceOrder::Files { tag }
            }
            Self::Network(part) => {
                let NetworkPart { hardware_address, stream } = part;
                descriptors.push(stream.into());
                DeviceOrder::Network { hardware_address }
            }
        })
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Devices, and the disk among them, which is frozen by whoever takes snapshots.
#[derive(Debug, Default)]
pub(super) struct MadeDevices {
    pub(super) parts: Vec<DevicePart>,
    pub(super) disk: Option<Arc<Disk>>,
}

impl MadeDevices {
    /// Puts them together with the open files that came along, in order.
    ///
    /// # Errors
    /// When there are too few or too many, or one is not what it should be.
    pub(super) fn of(
        orders: Vec<DeviceOrder>,
        mut descriptors: impl Iterator<Item = OwnedFd>,
    ) -> io::Result<Self> {
        let mut made = Self::default();
        for order in orders {
            let part = made.part(order, &mut descriptors)?;
            made.parts.push(part);
        }
        match descriptors.next() {
            None => Ok(made),
            Some(_) => Err(io::Error::other("there are open files that belong to no device")),
        }
    }

    fn part(
        &mut self,
        order: DeviceOrder,
        descriptors: &mut impl Iterator<Item = OwnedFd>,
    ) -> io::Result<DevicePart> {
        let mut next = || descriptors.next().ok_or(io::ErrorKind::UnexpectedEof);
        Ok(match order {
            DeviceOrder::Balloon => DevicePart::Balloon,
            DeviceOrder::Entropy => DevicePart::Entropy,
            DeviceOrder::Sockets => DevicePart::Sockets(SocketsPart::of(next()?)),
            DeviceOrder::Disk { bytes, open, sealed, secrecy } => {
                let mut file = || next().map(File::from).map_err(io::Error::from);
                let base = Arc::new(file()?);
                let mut frozen = Vec::new();
                for _ in 0..open {
                    frozen.push(Delta::from(file()?));
                }
                for _ in 0..sealed {
                    frozen.push(Delta::open(file()?, &secrecy)?);
                }
                let written = Delta::open(file()?, &secrecy)?;
                let files = DiskFiles { base, frozen, written };
                let disk = Arc::new(Disk::new(files, bytes)?);
                self.disk = Some(Arc::clone(&disk));
                DevicePart::Disk(disk)
            }
            DeviceOrder::Files { tag } => DevicePart::Files(FilesPart { tag, server: next()? }),
            DeviceOrder::Network { hardware_address } => {
                DevicePart::Network(NetworkPart { hardware_address, stream: next()?.into() })
            }
        })
    }
}
