//! How a run is told to stop from outside.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Stops a run; may be used from any thread, any number of times.
#[derive(Debug, Clone)]
pub struct Canceller(Sender<()>);

/// What a run listens to.
#[derive(Debug, Clone)]
pub struct Cancellation(pub(super) Receiver<()>);

/// A canceller and what it reaches. A run whose canceller is gone goes on to its end.
pub fn cancellation() -> (Canceller, Cancellation) {
    let (sender, receiver) = bounded(1);
    (Canceller(sender), Cancellation(receiver))
}

impl Canceller {
    /// Asks the run to stop; a second time changes nothing.
    pub fn cancel(&self) {
        // The one place may be taken by an earlier request, or the run be over.
        let _ = self.0.try_send(());
    }
}
