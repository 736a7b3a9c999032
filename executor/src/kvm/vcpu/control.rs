//! What all processors of a machine are to do, what each of them does, and how the machine ended.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It turned itself off.
    Off,
    /// It restarted itself, which ends it.
    Restarted,
    /// It was told to.
    Stopped,
    /// A processor met something that it can't go on from.
    Failed(String),
}

/// What all processors are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Wish {
    Run = 0,
    Pause = 1,
    End = 2,
}

/// What a processor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    Running,
    Paused,
    Ended,
}

/// Shared by the threads of a machine's processors and whoever steers them.
#[derive(Debug)]
pub(crate) struct Control {
    /// The same as in `inner`, to be read without a lock each time a processor comes out.
    wish: AtomicU8,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    wish: Wish,
    activities: Vec<Activity>,
    end: Option<End>,
}

impl Control {
    /// For so many processors, which begin paused.
    pub(crate) fn paused(processors: usize) -> Self {
        let inner =
            Inner { wish: Wish::Pause, activities: vec![Activity::Paused; processors], end: None };
        Self {
            wish: AtomicU8::new(Wish::Pause as u8),
            inner: Mutex::new(inner),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing here can panic half way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_wish(&self, inner: &mut Inner, wish: Wish) {
        inner.wish = wish;
        self.wish.store(wish as u8, Ordering::Release);
        self.changed.notify_all();
    }

    /// Whether processors are to run on, looked at between two runs of one.
    pub(super) fn runs(&self) -> bool {
        self.wish.load(Ordering::Acquire) == Wish::Run as u8
    }

    /// Lets all of them run, unless the machine has ended.
    pub(crate) fn run_all(&self) {
        let mut inner = self.lock();
        if inner.end.is_none() {
            self.set_wish(&mut inner, Wish::Run);
        }
    }

    /// Asks all of them to pause.
    pub(super) fn ask_to_pause(&self) {
        let mut inner = self.lock();
        if inner.end.is_none() {
            self.set_wish(&mut inner, Wish::Pause);
        }
    }

    /// Ends the machine. The first reason stays.
    pub(crate) fn end(&self, end: End) {
        let mut inner = self.lock();
        inner.end.get_or_insert(end);
        self.set_wish(&mut inner, Wish::End);
    }

    /// How the machine ended, if it did.
    pub(crate) fn ended(&self) -> Option<End> {
        self.lock().end.clone()
    }

    /// Waits until the machine has ended, for so long.
    pub(crate) fn wait_for_end(&self, longest: Duration) -> Option<End> {
        let until = Instant::now() + longest;
        let mut inner = self.lock();
        while inner.end.is_none() {
            let left = until.checked_duration_since(Instant::now())?;
            inner =
                self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.end.clone()
    }

    /// A processor says what it does now.
    pub(super) fn report(&self, index: usize, activity: Activity) {
        let mut inner = self.lock();
        if let Some(place) = inner.activities.get_mut(index) {
            *place = activity;
        }
        self.changed.notify_all();
    }

    /// A paused processor waits for what comes next: to run (`true`, and counted as running from that moment) or to end.
    pub(super) fn wait_for_wish(&self, index: usize) -> bool {
        let mut inner = self.lock();
        loop {
            match inner.wish {
                Wish::Run => {
                    if let Some(place) = inner.activities.get_mut(index) {
                        *place = Activity::Running;
                    }
                    return true;
                }
                Wish::End => return false,
                Wish::Pause => {
                    inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Whether this processor's thread has done its last, within this time.
    pub(super) fn has_ended(&self, index: usize, patience: Duration) -> bool {
        let ended = |inner: &Inner| inner.activities.get(index) == Some(&Activity::Ended);
        let (inner, _) = self
            .changed
            .wait_timeout_while(self.lock(), patience, |inner| !ended(inner))
            .unwrap_or_else(PoisonError::into_inner);
        ended(&inner)
    }

    /// The processors that still run; waits for them so long.
    pub(super) fn still_running(&self, patience: Duration) -> Vec<usize> {
        let inner = self.lock();
        let running = |inner: &Inner| inner.activities.contains(&Activity::Running);
        let (inner, _) = self
            .changed
            .wait_timeout_while(inner, patience, |inner| running(inner))
            .unwrap_or_else(PoisonError::into_inner);
        (0..)
            .zip(&inner.activities)
            .filter(|(_, a)| **a == Activity::Running)
            .map(|(i, _)| i)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_a_processor_waits_no_longer_than_said() {
        let control = Control::paused(2);
        control.run_all();
        assert!(control.wait_for_wish(1));
        assert_eq!(control.still_running(Duration::ZERO), [1]);
        control.end(End::Stopped);
        assert!(!control.has_ended(1, Duration::from_millis(1)));
        control.report(1, Activity::Ended);
        assert!(control.has_ended(1, Duration::ZERO));
        assert_eq!(control.still_running(Duration::ZERO), [] as [usize; 0]);
    }
}
