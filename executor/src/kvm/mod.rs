//! Virtual machines by KVM. So far: whether KVM is worth using, the type of a guest's memory, devices, and what guests boot.

pub mod devices;
pub mod guest;
mod memory;
mod probe;

pub use memory::GuestMemory;
pub use probe::{Probe, probe};
