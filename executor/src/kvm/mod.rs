//! Virtual machines by KVM. So far: whether KVM is worth using, and the type of a guest's memory.

mod memory;
mod probe;

pub use memory::GuestMemory;
pub use probe::{Probe, probe};
