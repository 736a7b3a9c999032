//! A device's queues while it works: requests come out checked and in order, answers go back, the driver is called once at the end.
//!
//! A driver can make a device work for as long as it likes only by making requests one after the other: what is taken
//! at a time is bounded by the queues' sizes.

use super::chain::Chain;
use super::interrupt::{Cause, Interrupt};
use crate::kvm::GuestMemory;
use virtio_queue::{Queue, QueueOwnedT, QueueT};

/// The driver broke a rule of the queues: nothing it says can be relied on any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the driver broke the rules of its queue {queue}")]
pub(super) struct Broken {
    /// Which queue.
    pub(super) queue: usize,
}

/// All queues of a device that works.
#[derive(Debug)]
pub(super) struct Queues<'slot> {
    memory: &'slot GuestMemory,
    queues: &'slot mut [Queue],
    interrupt: &'slot Interrupt,
    /// Requests that may still be taken now.
    budget: usize,
    /// Queues that something was given back to.
    given_back: u32,
}

impl<'slot> Queues<'slot> {
    /// For one round of work.
    pub(super) fn new(
        memory: &'slot GuestMemory,
        queues: &'slot mut [Queue],
        interrupt: &'slot Interrupt,
    ) -> Self {
        let budget = queues.iter().map(|queue| usize::from(queue.size())).sum();
        Self { memory, queues, interrupt, budget, given_back: 0 }
    }

    /// The guest's memory.
    pub(super) fn memory(&self) -> &'slot GuestMemory {
        self.memory
    }

    /// The next request of a queue, if there is one. Requests that are none are given back unanswered.
    ///
    /// # Errors
    /// When the driver offers what it can't have.
    pub(super) fn take(&mut self, index: usize) -> Result<Option<Chain<'slot>>, Broken> {
        while self.budget > 0 {
            let Some(chain) = self.pop(index)? else { return Ok(None) };
            self.budget -= 1;
            let head = chain.head_index();
            match Chain::check(self.memory, chain) {
                Some(chain) => return Ok(Some(chain)),
                None => self.give_back_head(index, head, 0)?,
            }
        }
        Ok(None)
    }

    /// Gives a request back with what was written as its answer.
    ///
    /// # Errors
    /// When the ring can't take it.
    pub(super) fn give_back(&mut self, index: usize, chain: &Chain<'_>) -> Result<(), Broken> {
        self.give_back_head(index, chain.head(), chain.written_bytes())
    }

    /// The same for a request that is known by its number.
    ///
    /// # Errors
    /// When the ring can't take it.
    pub(super) fn give_back_head(
        &mut self,
        index: usize,
        head: u16,
        written: u32,
    ) -> Result<(), Broken> {
        let broken = Broken { queue: index };
        let queue = self.queues.get_mut(index).ok_or(broken)?;
        queue.add_used(self.memory, head, written).map_err(|_| broken)?;
        self.given_back |= 1_u32.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
        Ok(())
    }

    /// Puts back the request that was taken last.
    pub(super) fn put_back(&mut self, index: usize) {
        if let Some(queue) = self.queues.get_mut(index) {
            queue.go_to_previous_position();
        }
    }

    /// Calls the driver if it wants to know of what was given back, and tells whether there may be more to take at once.
    pub(super) fn finish(self) -> More {
        let mut wanted = false;
        for (index, queue) in self.queues.iter_mut().enumerate() {
            let given = self.given_back >> index.min(31) & 1 == 1;
            wanted |= given && queue.needs_notification(self.memory).unwrap_or(true);
        }
        if wanted {
            self.interrupt.raise(Cause::Used);
        }
        if self.budget == 0 { More::AtOnce } else { More::WhenCalled }
    }

    /// An empty queue is looked at twice: the driver may have added something before it could see that it has to call.
    fn pop(
        &mut self,
        index: usize,
    ) -> Result<Option<virtio_queue::DescriptorChain<&'slot GuestMemory>>, Broken> {
        let broken = Broken { queue: index };
        let queue = self.queues.get_mut(index).ok_or(broken)?;
        if !queue.ready() {
            return Ok(None);
        }
        let chain = queue.iter(self.memory).map_err(|_| broken)?.next();
        if chain.is_some() || !queue.enable_notification(self.memory).map_err(|_| broken)? {
            return Ok(chain);
        }
        Ok(queue.iter(self.memory).map_err(|_| broken)?.next())
    }
}

/// Whether a device is done for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// It stopped because others want to work too.
    AtOnce,
    /// It has nothing to do until somebody calls.
    WhenCalled,
}
