//! Virtual machines by KVM. So far: whether KVM is worth using, the type of a guest's memory, and devices.

pub mod devices;
mod memory;
mod probe;

pub use memory::GuestMemory;
pub use probe::{Probe, probe};
