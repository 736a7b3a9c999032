//! Telling a process what to do: orders on their way there, and one answer to each.

use super::channel;
use super::protocol::{Answer, Order};
use crate::kvm::descriptors::packet_pair;
use crate::kvm::error::MachineError;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

/// Longest wait for an answer: writing the largest memory to a slow disk.
const LONGEST_ANSWER: Duration = Duration::from_mins(15);

/// See the module. Dropping it tells the process that there are no more.
#[derive(Debug)]
pub(super) struct Orders(OwnedFd);

impl Orders {
    /// A way to a process, and its end of it.
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        let (orders, told) = packet_pair()?;
        set_socket_timeout(&orders, Timeout::Recv, Some(LONGEST_ANSWER))?;
        Ok((Self(orders), told))
    }

    /// Has it done, and waits for that.
    pub(super) fn have_done(
        &self,
        order: Order,
        files: &[BorrowedFd<'_>],
    ) -> Result<(), MachineError> {
        self.tell(order, files)?;
        self.wait()
    }

    /// Says what is to be done.
    pub(super) fn tell(&self, order: Order, files: &[BorrowedFd<'_>]) -> Result<(), MachineError> {
        channel::send(&self.0, order, files).map_err(failed)
    }

    /// Waits until what was told is done.
    pub(super) fn wait(&self) -> Result<(), MachineError> {
        match self.answer().map_err(failed)? {
            Some((Answer::Done, _)) => Ok(()),
            Some((Answer::Failed(fault), _)) => Err(fault.into()),
            Some((Answer::Ready { .. }, _)) => Err(MachineError::Process(
                "the machine's process answers something else".to_owned(),
            )),
            None => Err(MachineError::Ended),
        }
    }

    /// Whatever it says next; `None` when it has ended.
    pub(super) fn answer(&self) -> io::Result<Option<(Answer, Vec<OwnedFd>)>> {
        channel::receive(&self.0)
    }
}

fn failed(error: io::Error) -> MachineError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => MachineError::Ended,
        _ => MachineError::system("tell the process of a virtual machine what to do")(error),
    }
}
