//! What is kept of a device in a snapshot: its registers and queues, and what its kind must know.
//!
//! Comes back from files that may be damaged or foreign: everything is checked before a device becomes it.

use super::balloon::BalloonState;
use super::device::Kind;
use super::disk::DiskState;
use super::files::FilesState;
use super::network::NetworkState;
use super::phase::Phase;
use super::rng::EntropyState;
use super::sockets::SocketsState;
use serde::{Deserialize, Serialize};
use virtio_queue::{Queue, QueueState, QueueT};

/// Of the layout of [`DeviceState`]; another one is refused.
const STATE_VERSION: u16 = 1;

/// Most queues of one device.
pub(super) const MOST_QUEUES: usize = 8;

/// A device at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    version: u16,
    pub(super) registers: RegisterState,
    pub(super) data: DeviceData,
}

impl DeviceState {
    /// Puts it together.
    pub(super) fn new(registers: RegisterState, data: DeviceData) -> Self {
        Self { version: STATE_VERSION, registers, data }
    }

    /// Which kind of device this is.
    pub fn kind(&self) -> Kind {
        self.data.kind()
    }

    /// Refuses what another version of this program wrote.
    pub(super) fn check_version(&self) -> Result<(), StateError> {
        if self.version == STATE_VERSION {
            return Ok(());
        }
        Err(StateError::Version { found: self.version })
    }
}

/// The registers that all devices have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RegisterState {
    pub(super) phase: Phase,
    pub(super) device_features_page: u32,
    pub(super) driver_features_page: u32,
    pub(super) driver_features: u64,
    pub(super) selected_queue: u32,
    pub(super) interrupt_status: u32,
    pub(super) queues: Vec<SavedQueue>,
}

/// A queue's place in the guest's memory, and how far it was worked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedQueue {
    size: u16,
    ready: bool,
    event_index: bool,
    next_available: u16,
    next_used: u16,
    descriptors: u64,
    available: u64,
    used: u64,
}

impl SavedQueue {
    pub(super) fn of(queue: &Queue) -> Self {
        Self {
            size: queue.size(),
            ready: queue.ready(),
            event_index: queue.event_idx_enabled(),
            next_available: queue.next_avail(),
            next_used: queue.next_used(),
            descriptors: queue.desc_table(),
            available: queue.avail_ring(),
            used: queue.used_ring(),
        }
    }

    /// The queue it was, if a device with this limit can have it.
    pub(super) fn queue(self, size_limit: u16) -> Result<Queue, StateError> {
        let state = QueueState {
            max_size: size_limit,
            next_avail: self.next_available,
            next_used: self.next_used,
            event_idx_enabled: self.event_index,
            size: self.size,
            ready: self.ready,
            desc_table: self.descriptors,
            avail_ring: self.available,
            used_ring: self.used,
        };
        Queue::try_from(state).map_err(|_| StateError::Queue)
    }
}

/// What each kind of device must know besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DeviceData {
    Entropy(EntropyState),
    Sockets(SocketsState),
    Disk(DiskState),
    Files(FilesState),
    Network(NetworkState),
    Balloon(BalloonState),
}

impl DeviceData {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Entropy(_) => Kind::Entropy,
            Self::Sockets(_) => Kind::Sockets,
            Self::Disk(_) => Kind::Disk,
            Self::Files(_) => Kind::Files,
            Self::Network(_) => Kind::Network,
            Self::Balloon(_) => Kind::Balloon,
        }
    }
}

/// Why a saved device can't be one again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Another version of this program wrote it.
    #[error(
        "the state of a device has version {found}, but this program reads version {STATE_VERSION}"
    )]
    Version {
        /// Of the state.
        found: u16,
    },
    /// The snapshot's devices are not those of the machine.
    #[error("the snapshot has {found:?} where the machine has {expected:?}")]
    Kind {
        /// In the snapshot.
        found: Option<Kind>,
        /// In the machine.
        expected: Option<Kind>,
    },
    /// A queue is none.
    #[error("the state of a device has a queue that no driver can have made")]
    Queue,
    /// Something of the kind's own state can't be.
    #[error("the state of a device can't be: {0}")]
    Content(&'static str),
}
