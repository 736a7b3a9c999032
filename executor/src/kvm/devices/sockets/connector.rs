//! The host's side of a guest's sockets: a handle that connects to its ports, from any thread.
//!
//! Knows nothing of packets between guest and host. The device may be in another process: each wish goes to it through a
//! socket, together with one end of the stream and one of the socket on which it gives its word.

use crate::kvm::descriptors::{packet_pair, receive_packet, send_packet};
use rustix::net::{RecvFlags, SendFlags, send};
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// A port that something in the guest listens at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestPort(pub u32);

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Connected,
    /// Nothing listens there.
    Refused,
    /// The guest has too many connections.
    Busy,
}

impl Answer {
    const ALL: [Self; 3] = [Self::Connected, Self::Refused, Self::Busy];

    fn result(self) -> io::Result<()> {
        match self {
            Self::Connected => Ok(()),
            Self::Refused => Err(ErrorKind::ConnectionRefused.into()),
            Self::Busy => Err(ErrorKind::ResourceBusy.into()),
        }
    }
}

/// Where whoever wants a connection waits for the answer. Gone without one, it tells that the machine is.
#[derive(Debug)]
pub(super) struct Word(OwnedFd);

impl Word {
    /// Gives the answer.
    ///
    /// # Errors
    /// When nobody waits any more.
    pub(super) fn say(&self, answer: Answer) -> io::Result<()> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        Ok(send(&self.0, &[answer as u8], flags).map(drop)?)
    }
}

/// A connection that somebody waits for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) port: GuestPort,
    /// What the device talks through.
    pub(super) stream: UnixStream,
    pub(super) word: Word,
}

/// Connects to ports of one guest.
#[derive(Debug, Clone)]
pub struct Connector {
    door: Arc<OwnedFd>,
}

impl Connector {
    /// Connects. A guest that has not booted that far answers when it has.
    ///
    /// # Errors
    /// `ConnectionRefused` if nothing listens there, `TimedOut` without an answer in time, `NotConnected` if the machine is gone.
    pub fn connect(&self, port: GuestPort, patience: Duration) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        let (mut answer, word) = UnixStream::pair()?;
        let descriptors = [theirs.as_fd(), word.as_fd()];
        send_packet(&*self.door, &port.0.to_le_bytes(), &descriptors, SendFlags::DONTWAIT)
            .map_err(gone_or)?;
        drop((theirs, word));
        answer.set_read_timeout(Some(patience.max(Duration::from_millis(1))))?;
        let mut said = [0];
        answer.read_exact(&mut said).map_err(gone_or)?;
        let unknown = || io::Error::from(ErrorKind::InvalidData);
        let [said] = said;
        Answer::ALL
            .into_iter()
            .find(|answer| *answer as u8 == said)
            .ok_or_else(unknown)?
            .result()?;
        Ok(ours)
    }
}

/// An end that is closed is that of a machine that is gone.
fn gone_or(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::BrokenPipe
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionRefused
        | ErrorKind::NotConnected => ErrorKind::NotConnected.into(),
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// The device's end.
#[derive(Debug)]
pub struct SocketsPart {
    /// The guest's number; 3 or more.
    pub(super) guest: u64,
    /// Nothing once nobody is behind it any more.
    pub(super) door: Option<Arc<OwnedFd>>,
}

impl SocketsPart {
    /// Number of every guest: machines don't see each other's.
    const GUEST: u64 = 3;

    /// Both ends.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new() -> io::Result<(Self, Connector)> {
        let (ours, theirs) = packet_pair()?;
        Ok((Self::of(theirs), Connector { door: Arc::new(ours) }))
    }

    /// The device's end by what [`Self::into_door`] gave, in another process.
    pub(in crate::kvm) fn of(door: OwnedFd) -> Self {
        Self { guest: Self::GUEST, door: Some(Arc::new(door)) }
    }

    /// What wishes come through, to be handed on.
    pub(in crate::kvm) fn into_door(self) -> Option<OwnedFd> {
        self.door.and_then(Arc::into_inner)
    }

    /// The next wish, if there is one.
    pub(super) fn next_wanted(&mut self) -> Option<Wanted> {
        let mut port = [0; 4];
        loop {
            let door = self.door.as_ref()?;
            match receive_packet(door, &mut port, RecvFlags::DONTWAIT) {
                Ok((0, _)) => self.door = None,
                Ok((4, descriptors)) => {
                    if let Ok([stream, word]) = <[OwnedFd; 2]>::try_from(descriptors) {
                        let port = GuestPort(u32::from_le_bytes(port));
                        return Some(Wanted { port, stream: stream.into(), word: Word(word) });
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::InvalidData => {}
                Err(_) => self.door = None,
            }
        }
    }
}
