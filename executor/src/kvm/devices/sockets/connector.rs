//! The host's side of a guest's sockets: a handle that connects to its ports, from any thread.
//!
//! Knows nothing of packets: it hands one end of a Unix socket pair to the device and waits for its word.

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// A port that something in the guest listens at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestPort(pub u32);

/// A connection that somebody waits for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) port: GuestPort,
    /// What the device talks through.
    pub(super) stream: UnixStream,
    pub(super) word: Sender<io::Result<()>>,
}

/// Connects to ports of one guest.
#[derive(Debug, Clone)]
pub struct Connector {
    wanted: Sender<Wanted>,
    bell: Arc<OwnedFd>,
}

impl Connector {
    /// Connects. A guest that has not booted that far answers when it has.
    ///
    /// # Errors
    /// `ConnectionRefused` if nothing listens there, `TimedOut` without an answer in time, `NotConnected` if the machine is gone.
    pub fn connect(&self, port: GuestPort, patience: Duration) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        let (word, answer) = bounded(1);
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.wanted.send(Wanted { port, stream: theirs, word }).map_err(|_| gone())?;
        rustix::io::write(&self.bell, &1_u64.to_ne_bytes())?;
        match answer.recv_timeout(patience) {
            Ok(connected) => connected.map(|()| ours),
            Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }
}

/// The device's end.
#[derive(Debug)]
pub struct SocketsPart {
    /// The guest's number; 3 or more.
    pub(super) guest: u64,
    pub(super) wanted: Receiver<Wanted>,
    pub(super) bell: Arc<OwnedFd>,
}

impl SocketsPart {
    /// Number of every guest: machines don't see each other's.
    const GUEST: u64 = 3;

    /// Both ends.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new() -> io::Result<(Self, Connector)> {
        let (sender, receiver) = unbounded();
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let connector = Connector { wanted: sender, bell: Arc::clone(&bell) };
        Ok((Self { guest: Self::GUEST, wanted: receiver, bell }, connector))
    }
}
