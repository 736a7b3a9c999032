//! Disks: a base that is never written, deltas over it that are frozen with snapshots, and one delta that is written.
//!
//! | file | what it holds |
//! |---|---|
//! | `clusters` | which delta has which part of the disk |
//! | `delta` | one of its files, encrypted where the machine knows a secret |
//! | `contents` | what a file of it holds, as one number |
//! | `image` | the disk over its files |
//! | `request` | what a driver asks for, as bytes |
//! | `device` | requests between the queue and the disk |
//! | `state` | what is kept in a snapshot |

mod clusters;
mod contents;
mod delta;
mod device;
mod image;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub(in crate::kvm) use contents::digest_of_clusters;
pub use delta::Delta;
pub(super) use device::DiskDevice;
pub use image::{Disk, DiskFiles};
pub(super) use state::DiskState;
