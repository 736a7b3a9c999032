//! The repository's files for a guest (virtio-fs): requests of the guest's file system, passed to whoever serves it.
//!
//! | file | what it holds |
//! |---|---|
//! | `request` | the headers of requests and answers |
//! | `device` | requests between the queues and the server |
//! | `state` | what is kept in a snapshot |

mod device;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub(super) use device::FilesDevice;
pub use device::FilesPart;
pub(super) use state::FilesState;
