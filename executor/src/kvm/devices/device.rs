//! What makes a device one of its kind. Registers, queues, interrupts, threads and saving are the same for all.

use super::queues::{Broken, Queues};
use super::state::{DeviceData, StateError};
use rustix::event::PollFlags;
use std::fmt;
use std::os::fd::AsFd;
use std::sync::Arc;

/// Kinds of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A source of randomness.
    Entropy,
    /// Sockets between guest and host.
    Sockets,
    /// A disk.
    Disk,
    /// The repository's files.
    Files,
    /// A network card.
    Network,
    /// Gives memory back that the guest doesn't use.
    Balloon,
}

impl Kind {
    /// Its number on the bus (virtio 1.2, chapter 5).
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Network => 1,
            Self::Disk => 2,
            Self::Entropy => 4,
            Self::Balloon => 5,
            Self::Sockets => 19,
            Self::Files => 26,
        }
    }
}

/// Something on the host that a device waits for.
#[derive(Clone)]
pub(super) struct Awaited {
    /// What to poll.
    pub(super) descriptor: Arc<dyn AsFd + Send + Sync>,
    /// For what.
    pub(super) events: PollFlags,
}

impl fmt::Debug for Awaited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Awaited").field("events", &self.events).finish_non_exhaustive()
    }
}

/// A kind of device.
///
/// All of its functions are called with the device locked and the machine's other devices at work.
pub(super) trait Device: Send + fmt::Debug {
    /// Which kind.
    fn kind(&self) -> Kind;

    /// What it offers besides what all devices do.
    fn features(&self) -> u64 {
        0
    }

    /// Largest sizes of its queues, powers of two.
    fn queue_sizes(&self) -> &'static [u16];

    /// Its configuration as the driver reads it.
    fn configuration(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The driver is there, and these features were agreed on.
    fn begin(&mut self, _features: u64) {}

    /// What it waits for on the host. Asked before each wait.
    fn awaited(&self) -> Vec<Awaited> {
        Vec::new()
    }

    /// Works: there may be requests, or news on the host.
    ///
    /// # Errors
    /// When the driver broke a rule.
    fn work(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken>;

    /// Forgets everything of the driver that was there.
    fn reset(&mut self);

    /// What a restored device must know. Requests that were taken are done, or are in here.
    fn save(&self) -> DeviceData;

    /// Becomes what was saved.
    ///
    /// # Errors
    /// When it is of another kind or can't be.
    fn restore(&mut self, data: DeviceData) -> Result<(), StateError>;
}
