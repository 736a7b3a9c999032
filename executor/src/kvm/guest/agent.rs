//! Speaking with the agent of a guest: one connection, requests and answers in turn.
//!
//! Knows the way to the guest, not what the requests are for.

use crate::agent::guest::AGENT_PORT;
use crate::agent::protocol::{self, GuestSetup, PROTOCOL_VERSION, Reply, Request, Task};
use crate::asking::Ask;
use crate::backend::BackendError;
use crate::kvm::devices::sockets::{Connector, GuestPort};
use crate::overlay::failure::{disconnected, unexpected};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait before a guest that doesn't listen yet is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// A connection to the agent.
#[derive(Debug)]
pub struct GuestAgent {
    socket: UnixStream,
    notes: Vec<String>,
}

impl GuestAgent {
    /// Connects as soon as the agent listens, and tells it what the machine is to be.
    ///
    /// A guest that was just restored may end the connection once more: it hears late that those of before are gone. So
    /// this tries until it is answered.
    ///
    /// # Errors
    /// When it doesn't answer in time, or can't be what it is told.
    pub fn connect(
        connector: &Connector,
        setup: &GuestSetup,
        patience: Duration,
    ) -> Result<Self, BackendError> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match greet(connector, setup, left) {
                Ok((socket, Reply::Ready { notes })) => return Ok(Self { socket, notes }),
                Ok((_, other)) => return Err(unexpected(other)),
                Err(error) if Instant::now() >= deadline || is_gone(&error) => return Err(error),
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    /// What the guest could not be made.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Asks something; `hear` gets what commands wrote, until the answer.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn ask(
        &mut self,
        request: &Request,
        hear: &mut dyn FnMut(Reply),
    ) -> Result<Reply, BackendError> {
        Ask::ask(self, request, hear)
    }

    /// Has the machine end in order, and waits until the connection tells that it did.
    ///
    /// # Errors
    /// When the agent can't be told.
    pub fn power_off(mut self) -> Result<(), BackendError> {
        let asked = protocol::send(&mut self.socket, &Request::PowerOff);
        asked.map_err(|error| disconnected(&error, ""))?;
        while protocol::receive::<Reply>(&mut self.socket).is_ok() {}
        Ok(())
    }
}

impl Ask for GuestAgent {
    fn ask(
        &mut self,
        request: &Request,
        hear: &mut dyn FnMut(Reply),
    ) -> Result<Reply, BackendError> {
        let asked = protocol::send(&mut self.socket, request);
        asked.map_err(|error| disconnected(&error, ""))?;
        loop {
            let reply = protocol::receive(&mut self.socket);
            match reply.map_err(|error| disconnected(&error, ""))? {
                news @ (Reply::Output { .. } | Reply::BackgroundEnded { .. }) => hear(news),
                answer => return Ok(answer),
            }
        }
    }
}

/// Whether the machine has ended, which nobody need wait any longer for.
fn is_gone(error: &BackendError) -> bool {
    matches!(error, BackendError::System { source, .. } if source.kind() == ErrorKind::NotConnected)
}

fn greet(
    connector: &Connector,
    setup: &GuestSetup,
    patience: Duration,
) -> Result<(UnixStream, Reply), BackendError> {
    let connected = connector.connect(GuestPort(AGENT_PORT), patience);
    let mut socket = connected.map_err(|source| BackendError::System {
        action: "connect to the agent of the virtual machine".to_owned(),
        source,
    })?;
    let hello = Request::Hello { version: PROTOCOL_VERSION, task: Task::Guest(setup.clone()) };
    let greeted = protocol::send(&mut socket, &hello);
    let reply = greeted.and_then(|()| protocol::receive(&mut socket));
    reply.map(|reply| (socket, reply)).map_err(|error| disconnected(&error, ""))
}
