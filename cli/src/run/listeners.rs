//! Those who listen to a run: the view on the terminal, the run's record, reports. Each hears every event, in one
//! order and with one time.

use layerc_executor::event::{Event, EventSink, TimedEvent};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Somebody who listens.
pub(super) trait Listener: Send {
    /// Takes an event. What goes wrong is kept until the run is over: nobody who listens stops a run.
    fn hear(&mut self, timed: &TimedEvent);
}

/// See the module.
pub(super) struct Listeners<'run> {
    started: Instant,
    all: Mutex<Vec<Box<dyn Listener + 'run>>>,
}

impl<'run> Listeners<'run> {
    /// Events are timed from `started`.
    pub(super) fn new(started: Instant, all: Vec<Box<dyn Listener + 'run>>) -> Self {
        Self { started, all: Mutex::new(all) }
    }
}

impl EventSink for Listeners<'_> {
    fn emit(&self, event: Event) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // Timed under the lock, so that the times of a stream never go back.
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let timed = TimedEvent { elapsed_ms, event };
        all.iter_mut().for_each(|listener| listener.hear(&timed));
    }
}
