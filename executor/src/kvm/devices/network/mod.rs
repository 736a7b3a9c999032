//! A network card, whose other end is a stream of frames: passt, which carries them through sockets of the host.
//!
//! | file | what it holds |
//! |---|---|
//! | `request` | frames in the stream |
//! | `device` | frames between the queues and the stream |
//! | `passt` | the program at the other end |
//! | `state` | what is kept in a snapshot |

mod device;
mod passt;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub(super) use device::NetworkDevice;
pub use device::NetworkPart;
pub use passt::{GUEST_NETWORK, HARDWARE_ADDRESS, Passt};
pub(super) use state::NetworkState;
