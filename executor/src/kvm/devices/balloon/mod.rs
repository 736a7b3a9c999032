//! Gives the host back what the guest has freed, so that free pages cost neither memory nor room in a snapshot.
//!
//! Only what the guest reports by itself ("free page reporting"): nothing is ever asked of it, so the guest's memory stays
//! its own.

mod device;
mod state;
#[cfg(test)]
mod tests;

pub(super) use device::BalloonDevice;
pub(super) use state::BalloonState;
