//! A source of randomness: the host's. It has nothing to remember.

mod device;
mod state;
#[cfg(test)]
mod tests;

pub(super) use device::EntropyDevice;
pub(super) use state::EntropyState;
