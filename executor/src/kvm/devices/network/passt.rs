//! The program at the other end of a card: passt, one for each machine.
//!
//! It lives as long as the stream: its last act is to see that end. What it forwards and what not is decided here.

use super::device::NetworkPart;
use crate::agent::protocol::GuestNetwork;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Addresses of every guest: each has a network of its own, so they may be the same, and stay so over a restore.
pub const GUEST_NETWORK: GuestNetwork = GuestNetwork {
    address: Ipv4Addr::new(10, 0, 2, 15),
    prefix: 24,
    gateway: Ipv4Addr::new(10, 0, 2, 2),
    name_server: Ipv4Addr::new(10, 0, 2, 3),
};

/// Hardware address of every guest's card: one that is nobody's.
pub const HARDWARE_ADDRESS: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

/// No port is forwarded in either direction, and no address of the guest leads to this host's loopback; names are asked
/// of this host's name server, which may well be there. The stream is its standard input.
const ARGUMENTS: [&str; 15] = [
    "--foreground",
    "--quiet",
    "--fd",
    "0",
    "--no-map-gw",
    "--ipv4-only",
    "--tcp-ports",
    "none",
    "--udp-ports",
    "none",
    "--no-dhcp",
    "--mtu",
    "1500",
    "--address",
    "10.0.2.15",
];

/// The rest of them.
const ADDRESS_ARGUMENTS: [&str; 6] =
    ["--netmask", "24", "--gateway", "10.0.2.2", "--dns-forward", "10.0.2.3"];

/// The program, as long as this lives.
#[derive(Debug)]
pub struct Passt {
    child: Child,
}

impl Passt {
    /// Starts it and makes a card whose other end it is.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(program: &Path) -> io::Result<(Self, NetworkPart)> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new(program)
            .args(ARGUMENTS)
            .args(ADDRESS_ARGUMENTS)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let part = NetworkPart { hardware_address: HARDWARE_ADDRESS, stream: ours };
        Ok((Self { child }, part))
    }
}

impl Drop for Passt {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
