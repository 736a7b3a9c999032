//! Who is working on which question right now, within one process: equal steps of different Layerfiles run once, and
//! the others wait for the first one's record.

use super::record::WeakKey;
use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long somebody waits before looking around whether to wait on.
const PATIENCE: Duration = Duration::from_millis(50);

/// The questions being worked on.
#[derive(Debug, Clone, Default)]
pub struct Turns(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    taken: Mutex<HashSet<WeakKey>>,
    changed: Condvar,
}

/// The right to work on a question; dropped when its record is written or will never be.
#[derive(Debug)]
pub struct Turn {
    shared: Arc<Shared>,
    weak: WeakKey,
}

/// What came of asking for a turn.
#[derive(Debug)]
pub enum Asked {
    /// Nobody works on it: the turn is the caller's.
    Mine(Turn),
    /// Somebody did and has ended; there may be a record now.
    Ended,
    /// Somebody does, and the caller gave up.
    GivenUp,
}

impl Turns {
    /// Takes the turn if it is free. If not, waits until it is, as long as `patient` says so.
    pub fn ask(&self, weak: WeakKey, patient: impl Fn() -> bool) -> Asked {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.insert(weak) {
            return Asked::Mine(Turn { shared: Arc::clone(&self.0), weak });
        }
        while taken.contains(&weak) {
            if !patient() {
                return Asked::GivenUp;
            }
            let waited = self.0.changed.wait_timeout(taken, PATIENCE);
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Asked::Ended
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.weak);
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Turns};
    use crate::store::record::WeakKey;

    #[test]
    fn one_works_and_the_other_waits() {
        let turns = Turns::default();
        let weak = WeakKey([1; 32]);
        let Asked::Mine(turn) = turns.ask(weak, || true) else { panic!("nobody works on it") };
        assert!(matches!(turns.ask(weak, || false), Asked::GivenUp));
        assert!(matches!(turns.ask(WeakKey([2; 32]), || false), Asked::Mine(_)));
        let other = turns.clone();
        let waiting = std::thread::spawn(move || other.ask(weak, || true));
        drop(turn);
        // Whether it came before or after the end, it never works at the same time.
        assert!(!matches!(waiting.join().unwrap(), Asked::GivenUp));
    }
}
