//! Fills the buffers it is given with randomness of the host, a limited amount at a time.

use super::state::EntropyState;
use crate::kvm::devices::device::{Device, Kind};
use crate::kvm::devices::queues::{Broken, Queues};
use crate::kvm::devices::state::{DeviceData, StateError};
use rustix::rand::{GetRandomFlags, getrandom};

/// The one queue.
const REQUESTS: usize = 0;

/// Most bytes of one answer. Linux asks for 64; a guest must not make the host compute gigabytes at a call.
const MOST_BYTES: usize = 64 * 1024;

/// The device.
#[derive(Debug)]
pub(in crate::kvm::devices) struct EntropyDevice;

impl EntropyDevice {
    pub(in crate::kvm::devices) fn new() -> Self {
        Self
    }
}

impl Device for EntropyDevice {
    fn kind(&self) -> Kind {
        Kind::Entropy
    }

    fn queue_sizes(&self) -> &'static [u16] {
        &[64]
    }

    fn work(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        while let Some(mut chain) = queues.take(REQUESTS)? {
            let bytes = randomness(chain.writable_bytes().min(MOST_BYTES));
            // The room was measured: it is there.
            let _fits = chain.write(&bytes);
            queues.give_back(REQUESTS, &chain)?;
        }
        Ok(())
    }

    fn reset(&mut self) {}

    fn save(&self) -> DeviceData {
        DeviceData::Entropy(EntropyState {})
    }

    fn restore(&mut self, data: DeviceData) -> Result<(), StateError> {
        match data {
            DeviceData::Entropy(EntropyState {}) => Ok(()),
            _ => Err(StateError::Content("randomness with the state of another kind")),
        }
    }
}

/// As much as the host gives at once, at most `length` bytes.
fn randomness(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let given = getrandom(bytes.as_mut_slice(), GetRandomFlags::empty()).unwrap_or(0);
    bytes.truncate(given);
    bytes
}
