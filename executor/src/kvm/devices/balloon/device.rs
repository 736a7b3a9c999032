//! Takes reports of free pages and gives those pages back to the host.
//!
//! A reported page may hold anything from then on, until the guest writes it (virtio 1.2, 5.5.6.7): where memory began as
//! zero it is zero again, where it was mapped from a snapshot it is as it was there.

use super::state::BalloonState;
use crate::kvm::devices::device::{Device, Kind};
use crate::kvm::devices::queues::{Broken, Queues};
use crate::kvm::devices::state::{DeviceData, StateError};
use crate::sys::give_back;

/// The guest may report what is free (`VIRTIO_BALLOON_F_REPORTING`).
const REPORTING: u64 = 1 << 5;

/// Pages that go into the balloon and come out of it. Nobody asks the guest for any, but these queues have to be there.
const PAGES: [usize; 2] = [0, 1];

/// Free pages.
const REPORTS: usize = 2;

/// How large the balloon should be and how large it is, in pages: nothing.
const CONFIGURATION: [u8; 8] = [0; 8];

/// The device.
#[derive(Debug)]
pub(in crate::kvm::devices) struct BalloonDevice;

impl BalloonDevice {
    pub(in crate::kvm::devices) fn new() -> Self {
        Self
    }
}

impl Device for BalloonDevice {
    fn kind(&self) -> Kind {
        Kind::Balloon
    }

    fn features(&self) -> u64 {
        REPORTING
    }

    /// Linux reports 32 places at a time and refuses a queue that hasn't room for them.
    fn queue_sizes(&self) -> &'static [u16] {
        &[64, 64, 64]
    }

    fn configuration(&self) -> Vec<u8> {
        CONFIGURATION.to_vec()
    }

    fn work(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        for queue in PAGES {
            while let Some(chain) = queues.take(queue)? {
                queues.give_back(queue, &chain)?;
            }
        }
        while let Some(chain) = queues.take(REPORTS)? {
            for (start, bytes) in chain.places() {
                // What isn't given back costs memory, and nothing else.
                let _kept = give_back(queues.memory(), start, bytes);
            }
            queues.give_back(REPORTS, &chain)?;
        }
        Ok(())
    }

    fn reset(&mut self) {}

    fn save(&self) -> DeviceData {
        DeviceData::Balloon(BalloonState {})
    }

    fn restore(&mut self, data: DeviceData) -> Result<(), StateError> {
        match data {
            DeviceData::Balloon(BalloonState {}) => Ok(()),
            _ => Err(StateError::Content("a balloon with the state of another kind")),
        }
    }
}
