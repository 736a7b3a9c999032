//! The registers of one device: what a driver reads and writes until the device works.
//!
//! Knows features, queues and phases, not what kind of device it is. Everything a driver may not do now is ignored,
//! as the bus does it with real ones.

use super::phase::{Phase, Step};
use super::registers::{Half, QueuePart};
use super::state::{MOST_QUEUES, RegisterState, SavedQueue, StateError};
use crate::kvm::GuestMemory;
use virtio_bindings::virtio_config::{VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_F_VERSION_1};
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};
use virtio_queue::{Queue, QueueT};

/// What every device offers, and (its first part) every driver must take.
const COMMON_FEATURES: u64 =
    1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_RING_F_INDIRECT_DESC | 1 << VIRTIO_RING_F_EVENT_IDX;

/// What a write to the status register led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing the device must know.
    None,
    /// Everything is as at power on.
    Reset,
    /// The device works from now on.
    Begin,
}

/// The registers.
#[derive(Debug)]
pub(super) struct Transport {
    offered: u64,
    size_limits: &'static [u16],
    phase: Phase,
    device_features_page: u32,
    driver_features_page: u32,
    driver_features: u64,
    selected_queue: u32,
    queues: Vec<Queue>,
}

impl Transport {
    /// As at power on.
    ///
    /// # Errors
    /// When the device asks for queues that can't be.
    pub(super) fn new(
        features: u64,
        size_limits: &'static [u16],
    ) -> Result<Self, virtio_queue::Error> {
        let queues = size_limits.iter().take(MOST_QUEUES);
        Ok(Self {
            offered: features | COMMON_FEATURES,
            size_limits,
            phase: Phase::Reset,
            device_features_page: 0,
            driver_features_page: 0,
            driver_features: 0,
            selected_queue: 0,
            queues: queues.map(|size| Queue::new(*size)).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Features that both sides have.
    pub(super) fn agreed(&self) -> u64 {
        self.driver_features
    }

    pub(super) fn queues_mut(&mut self) -> &mut [Queue] {
        &mut self.queues
    }

    /// The driver broke a rule: it must reset the device.
    pub(super) fn break_down(&mut self) {
        self.phase = Phase::NeedsReset;
    }

    /// 32 of the offered features.
    pub(super) fn device_features(&self) -> u32 {
        page_of(self.offered, self.device_features_page)
    }

    pub(super) fn select_device_features(&mut self, page: u32) {
        self.device_features_page = page;
    }

    pub(super) fn select_driver_features(&mut self, page: u32) {
        self.driver_features_page = page;
    }

    pub(super) fn set_driver_features(&mut self, bits: u32) {
        if self.phase != Phase::Driver {
            return;
        }
        let kept = self.driver_features;
        self.driver_features = match self.driver_features_page {
            0 => kept & !u64::from(u32::MAX) | u64::from(bits),
            1 => kept & u64::from(u32::MAX) | u64::from(bits) << 32,
            _ => kept,
        };
    }

    pub(super) fn select_queue(&mut self, queue: u32) {
        self.selected_queue = queue;
    }

    /// Largest size of the selected queue; 0 if there is none.
    pub(super) fn queue_size_limit(&self) -> u32 {
        self.queue().map_or(0, |queue| queue.max_size().into())
    }

    pub(super) fn queue_ready(&self) -> u32 {
        self.queue().is_some_and(Queue::ready).into()
    }

    pub(super) fn set_queue_size(&mut self, size: u32) {
        self.set_up(|queue| queue.set_size(u16::try_from(size).unwrap_or(0)));
    }

    pub(super) fn set_queue_ready(&mut self, ready: u32) {
        let event_index = self.driver_features >> VIRTIO_RING_F_EVENT_IDX & 1 == 1;
        self.set_up(|queue| {
            queue.set_event_idx(event_index);
            queue.set_ready(ready == 1);
        });
    }

    pub(super) fn set_queue_address(&mut self, part: QueuePart, half: Half, value: u32) {
        let (low, high) = match half {
            Half::Low => (Some(value), None),
            Half::High => (None, Some(value)),
        };
        self.set_up(|queue| match part {
            QueuePart::Descriptors => queue.set_desc_table_address(low, high),
            QueuePart::Available => queue.set_avail_ring_address(low, high),
            QueuePart::Used => queue.set_used_ring_address(low, high),
        });
    }

    pub(super) fn status(&self) -> u32 {
        self.phase.status()
    }

    /// The driver writes the status register.
    pub(super) fn set_status(&mut self, value: u32, memory: &GuestMemory) -> Change {
        match self.phase.step(value) {
            Step::Nothing => Change::None,
            Step::Reset => {
                self.reset();
                Change::Reset
            }
            Step::To(Phase::FeaturesOk) if !self.features_agree() => Change::None,
            Step::To(Phase::Running) => self.begin(memory),
            Step::To(phase) => {
                self.phase = phase;
                Change::None
            }
        }
    }

    fn begin(&mut self, memory: &GuestMemory) -> Change {
        let sound = |queue: &Queue| !queue.ready() || queue.is_valid(memory);
        if self.queues.iter().all(sound) {
            self.phase = Phase::Running;
            return Change::Begin;
        }
        self.break_down();
        Change::None
    }

    fn features_agree(&self) -> bool {
        let required = 1 << VIRTIO_F_VERSION_1;
        self.driver_features & !self.offered == 0 && self.driver_features & required == required
    }

    fn reset(&mut self) {
        self.phase = Phase::Reset;
        self.device_features_page = 0;
        self.driver_features_page = 0;
        self.driver_features = 0;
        self.selected_queue = 0;
        self.queues.iter_mut().for_each(Queue::reset);
    }

    fn queue(&self) -> Option<&Queue> {
        self.queues.get(usize::try_from(self.selected_queue).ok()?)
    }

    /// Queues are set up between the agreement on features and the beginning.
    fn set_up(&mut self, change: impl FnOnce(&mut Queue)) {
        let selected = usize::try_from(self.selected_queue).ok();
        if self.phase == Phase::FeaturesOk
            && let Some(queue) = selected.and_then(|index| self.queues.get_mut(index))
        {
            change(queue);
        }
    }

    /// Everything but the interrupt's status, which is kept elsewhere.
    pub(super) fn save(&self, interrupt_status: u32) -> RegisterState {
        RegisterState {
            phase: self.phase,
            device_features_page: self.device_features_page,
            driver_features_page: self.driver_features_page,
            driver_features: self.driver_features,
            selected_queue: self.selected_queue,
            interrupt_status,
            queues: self.queues.iter().map(SavedQueue::of).collect(),
        }
    }

    /// Becomes what was saved.
    ///
    /// # Errors
    /// When this device can't have been in that state.
    pub(super) fn restore(
        &mut self,
        state: &RegisterState,
        memory: &GuestMemory,
    ) -> Result<(), StateError> {
        if state.queues.len() != self.queues.len() {
            return Err(StateError::Queue);
        }
        let queues = state.queues.iter().zip(self.size_limits);
        let queues: Vec<Queue> =
            queues.map(|(queue, limit)| queue.queue(*limit)).collect::<Result<_, _>>()?;
        let works = state.phase == Phase::Running;
        if works && queues.iter().any(|queue| queue.ready() && !queue.is_valid(memory)) {
            return Err(StateError::Queue);
        }
        self.driver_features = state.driver_features;
        let agreed = state.phase.status() & VIRTIO_CONFIG_S_FEATURES_OK != 0;
        if agreed && !self.features_agree() {
            return Err(StateError::Content("features that this device doesn't have"));
        }
        self.phase = state.phase;
        self.device_features_page = state.device_features_page;
        self.driver_features_page = state.driver_features_page;
        self.selected_queue = state.selected_queue;
        self.queues = queues;
        Ok(())
    }
}

/// 32 of 64 bits; there are two such pages.
fn page_of(bits: u64, page: u32) -> u32 {
    let shifted = match page {
        0 => bits,
        1 => bits >> 32,
        _ => 0,
    };
    u32::try_from(shifted & u64::from(u32::MAX)).unwrap_or(0)
}
