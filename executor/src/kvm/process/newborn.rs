//! A process that no machine is in yet. It is asked for without waiting for it, so that whoever wants a machine can do
//! something else meanwhile.

use super::channel;
use super::nursery::Started;
use super::orders::Orders;
use super::protocol::{Answer, Fate, Order};
use crate::kvm::descriptors::packet_pair;
use crate::kvm::error::MachineError;
use crate::kvm::hypervisor;
use crate::kvm::machine::Shape;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// See the module. Dropping it ends the process.
#[derive(Debug)]
pub(super) struct Newborn {
    orders: Orders,
    ends: Ends,
    nursery: Arc<Started>,
    /// Whether it was told to prepare for a machine.
    prepares: bool,
}

/// What is heard of a process, but for its answers.
#[derive(Debug)]
pub(super) struct Ends {
    /// From the nursery.
    pub(super) fate: OwnedFd,
    pub(super) news: OwnedFd,
    pub(super) printed: io::PipeReader,
}

/// A process that stands ready.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) orders: Orders,
    pub(super) ends: Ends,
    pub(super) nursery: Arc<Started>,
    pub(super) handle: OwnedFd,
    /// Walls that this host doesn't permit.
    pub(super) lacking: Vec<String>,
}

pub(super) fn starting<E: Into<io::Error>>(error: E) -> MachineError {
    MachineError::system("start the process of a virtual machine")(error)
}

impl Newborn {
    /// Asks for one. `ask` hands the ends of a process to a nursery.
    pub(super) fn ask(
        ask: impl FnOnce(&[BorrowedFd<'_>]) -> io::Result<Arc<Started>>,
    ) -> Result<Self, MachineError> {
        let (orders, told) = Orders::new().map_err(starting)?;
        let (news, tells) = packet_pair().map_err(starting)?;
        let (fate, ends) = packet_pair().map_err(starting)?;
        let (printed, prints) = io::pipe().map_err(starting)?;
        let handed = [told.as_fd(), tells.as_fd(), prints.as_fd(), ends.as_fd()];
        let nursery = ask(&handed).map_err(starting)?;
        let ends = Ends { fate, news, printed };
        Ok(Self { orders, ends, nursery, prepares: false })
    }

    /// Has it prepare for a machine of this shape that is to be restored. Whether it could, [`Self::ready`] says.
    pub(super) fn prepare(&mut self, shape: Shape) -> Result<(), MachineError> {
        self.prepares = true;
        match self.orders.tell(Order::Prepare(shape), &[hypervisor::open()?.as_fd()]) {
            // Why is not known here.
            Err(MachineError::Ended) => Ok(()),
            told => told,
        }
    }

    /// Waits until it has done what it was told.
    pub(super) fn ready(self) -> Result<Ready, MachineError> {
        let Self { orders, ends, nursery, prepares } = self;
        let (lacking, mut handles) = match orders.answer() {
            Ok(Some((Answer::Ready { lacking }, handles))) => (lacking, handles),
            other => return Err(never_ready(&nursery, ends, other.err())),
        };
        let Some(handle) = handles.pop() else { return Err(never_ready(&nursery, ends, None)) };
        if prepares {
            orders.wait()?;
        }
        Ok(Ready { orders, ends, nursery, handle, lacking })
    }
}

impl Ready {
    /// Whether nobody has ended it meanwhile.
    pub(super) fn is_alive(&self) -> bool {
        let mut waited = [PollFd::new(&self.handle, PollFlags::IN)];
        poll(&mut waited, Some(&Timespec::default())).is_ok_and(|ended| ended == 0)
    }
}

/// It ended before it was ready: its words say why, or the nursery's.
fn never_ready(nursery: &Started, ends: Ends, error: Option<io::Error>) -> MachineError {
    let mut words = String::new();
    let _ = ends.printed.take(2000).read_to_string(&mut words);
    if words.trim().is_empty() {
        words = match (channel::receive::<Fate>(&ends.fate), error) {
            (Ok(Some((Fate::Unborn(reason), _))), _) => reason,
            (Ok(Some(_)), Some(error)) => error.to_string(),
            (Ok(Some(_)), None) => "it ended".to_owned(),
            (Ok(None) | Err(_), _) => nursery.last_words(),
        };
    }
    let said = words.trim();
    MachineError::Process(format!("the process of a virtual machine did not begin: {said}"))
}
