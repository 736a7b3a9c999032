//! Whether anybody still waits for the answer that this thread is computing.
//!
//! Long walks over many files ask between two of them and stop early; what they have by then is thrown away.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static CURRENT: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Runs `work` as the answer that `cancelled` calls off.
pub(crate) fn with<T>(cancelled: &Arc<AtomicBool>, work: impl FnOnce() -> T) -> T {
    CURRENT.with_borrow_mut(|current| *current = Some(Arc::clone(cancelled)));
    let answer = work();
    CURRENT.with_borrow_mut(|current| *current = None);
    answer
}

/// Whether the answer of this thread was called off.
pub(crate) fn is_cancelled() -> bool {
    CURRENT.with_borrow(|current| {
        current.as_ref().is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
    })
}

#[cfg(test)]
mod tests {
    use super::{is_cancelled, with};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn only_the_work_inside_is_called_off() {
        let cancelled = Arc::new(AtomicBool::new(false));
        assert!(!with(&cancelled, is_cancelled));
        cancelled.store(true, Ordering::Relaxed);
        assert!(with(&cancelled, is_cancelled));
        assert!(!is_cancelled());
    }
}
