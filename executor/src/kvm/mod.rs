//! What is known here of KVM: whether it is worth using.

mod probe;

pub use probe::{Probe, probe};
