//! The thread of a device: waits for the driver's calls and for news on the host, and lets the device work.
//!
//! Knows no kinds of devices. Ends when its bus does; one that waits for something of the host by then is left alone.

use super::device::{Awaited, Kind};
use super::queues::More;
use super::slot::Slot;
use crate::kvm::jail::{Confinement, Role};
use crate::sys::event_descriptor;
use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use vmm_sys_util::eventfd::EventFd;

/// A device's thread.
#[derive(Debug)]
pub(super) struct Worker {
    slot: Arc<Slot>,
    over: Arc<AtomicBool>,
    ended: Arc<Ended>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Whether the thread has done its last.
#[derive(Debug, Default)]
struct Ended {
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Ended {
    fn set(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn within(&self, until: Instant) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(ended, left, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Says so however the thread ends.
struct Ending<'a>(&'a Ended);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// When the host has no more threads.
    pub(super) fn start(slot: Arc<Slot>) -> io::Result<Self> {
        let confinement = Confinement::of(Role::Device)?;
        let (over, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(Ended::default()));
        let name = format!("{:?}", slot.kind()).to_lowercase();
        let seen = (Arc::clone(&slot), Arc::clone(&over), Arc::clone(&ended));
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let _ending = Ending(&seen.2);
            // Better a device that never answers than one that works unconfined.
            if confinement.enter().is_ok() {
                work_until_over(&seen.0, &seen.1);
            }
        })?;
        Ok(Self { slot, over, ended, thread: Mutex::new(Some(thread)) })
    }

    /// Tells it to end, without waiting.
    pub(super) fn tell_to_end(&self) {
        self.over.store(true, Ordering::Release);
        self.slot.ring();
    }

    /// Waits for its end, which it was told. Answers what it works for if it has not ended by then.
    pub(super) fn end(&self, until: Instant) -> Result<(), Kind> {
        if !self.ended.within(until) {
            return Err(self.slot.kind());
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _panicked = thread.join();
        }
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.tell_to_end();
    }
}

fn work_until_over(slot: &Slot, over: &AtomicBool) {
    while !over.load(Ordering::Acquire) {
        let outlook = slot.work();
        if outlook.more == More::WhenCalled && wait(slot, &outlook.awaited).is_err() {
            return;
        }
    }
}

/// Waits for anything. What rang is silent again when this returns.
fn wait(slot: &Slot, awaited: &[Awaited]) -> io::Result<()> {
    let events = || std::iter::once(slot.bell()).chain(slot.calls());
    let rings =
        events().map(|event| PollFd::from_borrowed_fd(event_descriptor(event), PollFlags::IN));
    let news = awaited
        .iter()
        .map(|awaited| PollFd::from_borrowed_fd(awaited.descriptor.as_fd(), awaited.events));
    let mut descriptors: Vec<PollFd<'_>> = rings.chain(news).collect();
    match poll(&mut descriptors, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    events().for_each(silence);
    Ok(())
}

fn silence(event: &EventFd) {
    // Nothing to read means that it didn't ring.
    let _silent = event.read();
}
