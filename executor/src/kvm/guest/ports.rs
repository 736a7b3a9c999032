//! The way to the TCP ports of a guest, for whoever knows machines as [`Ports`] alone.

use crate::agent::guest::PORTS_PORT;
use crate::agent::protocol::{self, PortReply, PortRequest};
use crate::backend::Ports;
use crate::kvm::devices::sockets::{Connector, GuestPort};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Longest that a guest may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects through vsock, a connection for each.
#[derive(Debug, Clone)]
pub struct GuestPorts {
    connector: Connector,
}

impl GuestPorts {
    /// To the guest of this connector.
    pub fn new(connector: Connector) -> Self {
        Self { connector }
    }
}

impl Ports for GuestPorts {
    fn connect(&self, port: u16) -> io::Result<OwnedFd> {
        let mut socket = self.connector.connect(GuestPort(PORTS_PORT), PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        protocol::send(&mut socket, &PortRequest { port }).map_err(io::Error::other)?;
        match protocol::receive(&mut socket).map_err(io::Error::other)? {
            PortReply::Connected => {
                socket.set_read_timeout(None)?;
                socket.set_nonblocking(true)?;
                Ok(socket.into())
            }
            PortReply::Failed(error) => Err(io::Error::from_raw_os_error(error)),
        }
    }
}
