//! States that somebody of this run made again and kept: whoever needs one next restores it.
//!
//! A record may answer for a state that was never kept, or whose files are gone. Where children or copies start from
//! such a state, the first that needs it makes it again and keeps it, while the others wait; without this each would
//! repeat the same steps. Knows states by their keys, nothing of how they are made.

use crate::store::record::{Snapshot, StrongKey};
use crate::store::turns::Turns;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Remade {
    /// Who makes which state again. Whoever has a turn asks only for turns of states before it, so nobody waits for
    /// somebody who waits for him.
    pub(super) turns: Turns,
    tried: Mutex<HashMap<StrongKey, Snapshot>>,
}

impl Remade {
    /// Notes what came of keeping a state.
    pub(super) fn note(&self, state: StrongKey, snapshot: Snapshot) {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).insert(state, snapshot);
    }

    /// What came of keeping states, of those that somebody tried to keep. Whoever decides by it looks once: between two
    /// looks somebody may have kept what the first one missed.
    pub(super) fn so_far(&self) -> HashMap<StrongKey, Snapshot> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
