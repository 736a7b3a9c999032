//! Which stretches are to stop, and how their machines are ended from another thread.

use crate::engine::stretch::StretchId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Stopper = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Running {
    is_stopped: bool,
    stopper: Option<Stopper>,
}

/// The stretches that run.
#[derive(Default)]
pub(super) struct Stops {
    running: Mutex<HashMap<StretchId, Running>>,
}

impl Stops {
    fn lock(&self) -> MutexGuard<'_, HashMap<StretchId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stretch begins.
    pub(super) fn begin(&self, id: StretchId) {
        self.lock().insert(id, Running::default());
    }

    /// A stretch has ended.
    pub(super) fn forget(&self, id: StretchId) {
        self.lock().remove(&id);
    }

    /// A stretch works with this machine now. If it was told to stop meanwhile, the machine is ended at once.
    pub(super) fn attach(&self, id: StretchId, stopper: Stopper) {
        let mut running = self.lock();
        let Some(entry) = running.get_mut(&id) else { return };
        if entry.is_stopped {
            stopper();
        }
        entry.stopper = Some(stopper);
    }

    /// Whether a stretch was told to stop.
    pub(super) fn is_stopped(&self, id: StretchId) -> bool {
        self.lock().get(&id).is_some_and(|entry| entry.is_stopped)
    }

    /// Tells a stretch to stop.
    pub(super) fn stop(&self, id: StretchId) {
        let mut running = self.lock();
        let Some(entry) = running.get_mut(&id) else { return };
        entry.is_stopped = true;
        if let Some(stopper) = &entry.stopper {
            stopper();
        }
    }
}
