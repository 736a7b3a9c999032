//! The way to a machine's ports: asks its doorman, who passes a connected socket.

use super::failure::{Doing, unexpected};
use super::start::Agent;
use crate::agent::protocol::{self, PortReply, PortRequest, Reply, Request};
use crate::agent::receive_descriptor;
use crate::backend::{BackendError, Ports};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Longest that a doorman may take: a step can't speak for one, but it can hold one up.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct OverlayPorts {
    /// `None` once an answer was missed: what would come next on the socket could be that of an earlier question.
    doorman: Mutex<Option<UnixStream>>,
}

impl OverlayPorts {
    /// Has the machine set a doorman.
    pub(super) fn open(agent: &mut Agent) -> Result<Self, BackendError> {
        let action = || "open the way to the machine's ports".to_owned();
        let (ours, theirs) = UnixStream::pair().doing(action)?;
        ours.set_read_timeout(Some(ANSWER_TIME)).doing(action)?;
        ours.set_write_timeout(Some(ANSWER_TIME)).doing(action)?;
        match agent.pass(&Request::OpenPorts, theirs.as_fd())? {
            Reply::Done => Ok(Self { doorman: Mutex::new(Some(ours)) }),
            other => Err(unexpected(other)),
        }
    }
}

impl OverlayPorts {
    /// Whether the doorman still answers, as far as is known.
    pub(super) fn are_open(&self) -> bool {
        self.doorman.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Ports for OverlayPorts {
    fn connect(&self, port: u16) -> io::Result<OwnedFd> {
        let mut doorman = self.doorman.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut socket) = doorman.take() else {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the machine's doorman is gone",
            ));
        };
        let answer = ask(&mut socket, port)?;
        *doorman = Some(socket);
        answer
    }
}

/// The outer error is one of the way, the inner one of the port.
fn ask(socket: &mut UnixStream, port: u16) -> io::Result<io::Result<OwnedFd>> {
    protocol::send(socket, &PortRequest { port }).map_err(io::Error::other)?;
    Ok(match protocol::receive(socket).map_err(io::Error::other)? {
        PortReply::Connected => Ok(receive_descriptor(&*socket)?),
        PortReply::Failed(error) => Err(io::Error::from_raw_os_error(error)),
    })
}
