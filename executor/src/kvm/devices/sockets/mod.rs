//! Sockets between the guest and the host (vsock). The host connects to ports of the guest; the guest to nothing.
//!
//! | file | what it holds |
//! |---|---|
//! | `connector` | the host's side: "connect to this port" |
//! | `connection` | one stream: bytes and credit in both directions |
//! | `request` | packets as bytes |
//! | `device` | packets between queues and connections |
//! | `state` | what is kept in a snapshot |

mod connection;
mod connector;
mod device;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub use connector::{Connector, GuestPort, SocketsPart};
pub(super) use device::SocketsDevice;
pub(super) use state::SocketsState;
