//! The thread of a device: waits for the driver's calls and for news on the host, and lets the device work.
//!
//! Knows no kinds of devices. Ends when its bus does.

use super::device::Awaited;
use super::queues::More;
use super::slot::Slot;
use crate::sys::event_descriptor;
use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use vmm_sys_util::eventfd::EventFd;

/// A device's thread. Ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    slot: Arc<Slot>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// When the host has no more threads.
    pub(super) fn start(slot: Arc<Slot>) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let name = format!("{:?}", slot.kind()).to_lowercase();
        let (seen_slot, seen_over) = (Arc::clone(&slot), Arc::clone(&over));
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || work_until_over(&seen_slot, &seen_over))?;
        Ok(Self { slot, over, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.slot.ring();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
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
