//! One stream between a port of the guest and a Unix socket of the host.
//!
//! Both ends say how much room they have, and count what they passed on; nobody sends more than fits. A guest that
//! does is cut off. Knows no queues.

use super::connector::{Answer, Word};
use super::request::{Ends, Header, MOST_PAYLOAD_BYTES, Operation, closing};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Bytes of the guest that may wait for a slow reader on the host.
pub(super) const ROOM_BYTES: u32 = 256 * 1024;

/// The guest hears of new room when it grew by this much.
const NEWS_BYTES: u32 = ROOM_BYTES / 4;

/// How far a connection has come.
#[derive(Debug)]
enum Phase {
    /// The guest was asked; somebody waits for the word.
    Asked(Word),
    Open,
}

/// What becomes of a connection after a packet or a look at the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It lives on.
    Lives,
    /// It is over, and the guest knows.
    Over,
    /// It is over, and the guest must be told.
    Cut,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Connection {
    ends: Ends,
    stream: Arc<UnixStream>,
    phase: Phase,
    /// What the guest sent and the host has not taken yet.
    waiting: VecDeque<u8>,
    passed_on: u32,
    told_passed_on: u32,
    guest_room: u32,
    guest_passed_on: u32,
    sent: u32,
    /// Directions that the guest closed.
    guest_closed: u32,
    /// Directions that the host closed and the guest was told of.
    host_closed: u32,
}

impl Connection {
    /// A connection that was just asked for.
    pub(super) fn new(ends: Ends, stream: UnixStream, word: Word) -> Self {
        Self {
            ends,
            stream: Arc::new(stream),
            phase: Phase::Asked(word),
            waiting: VecDeque::new(),
            passed_on: 0,
            told_passed_on: 0,
            guest_room: 0,
            guest_passed_on: 0,
            sent: 0,
            guest_closed: 0,
            host_closed: 0,
        }
    }

    /// A packet of this connection, with the room of the moment.
    pub(super) fn header(&mut self, operation: Operation) -> Header {
        self.told_passed_on = self.passed_on;
        Header {
            ends: self.ends,
            operation,
            length: 0,
            flags: 0,
            room: ROOM_BYTES,
            passed_on: self.passed_on,
        }
    }

    /// What to wait for on the host: bytes to send if the guest has room, room if bytes wait. But nothing `unwanted`.
    pub(super) fn awaited(&self, unwanted: PollFlags) -> Option<(Arc<UnixStream>, PollFlags)> {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.wants_bytes());
        events.set(PollFlags::OUT, self.holds_bytes());
        events.remove(unwanted);
        (!events.is_empty()).then(|| (Arc::clone(&self.stream), events))
    }

    fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether something of the guest waits for the host.
    pub(super) fn holds_bytes(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether the guest would take bytes of the host.
    pub(super) fn wants_bytes(&self) -> bool {
        self.is_open()
            && self.host_closed & closing::SENDING == 0
            && self.guest_closed & closing::RECEIVING == 0
            && self.credit() > 0
    }

    /// Bytes that the guest has room for.
    fn credit(&self) -> u32 {
        let on_the_way = self.sent.wrapping_sub(self.guest_passed_on);
        self.guest_room.saturating_sub(on_the_way)
    }

    /// A packet came.
    pub(super) fn hear(&mut self, header: &Header, payload: &[u8]) -> Fate {
        self.guest_room = header.room;
        self.guest_passed_on = header.passed_on;
        match (header.operation, &self.phase) {
            (Operation::Response, Phase::Asked(word)) => {
                // Whoever asked may have lost patience.
                let Ok(()) = word.say(Answer::Connected) else { return Fate::Cut };
                self.phase = Phase::Open;
                Fate::Lives
            }
            (Operation::Reset, _) => {
                self.refuse();
                self.pass_on();
                Fate::Over
            }
            (Operation::Payload, Phase::Open) => self.receive(payload),
            (Operation::Shutdown, Phase::Open) => {
                self.guest_closed |= header.flags & closing::BOTH;
                self.pass_on()
            }
            (Operation::CreditUpdate | Operation::CreditRequest, _) => Fate::Lives,
            (Operation::Request | Operation::Response, _)
            | (Operation::Payload | Operation::Shutdown, Phase::Asked(_)) => {
                self.refuse();
                Fate::Cut
            }
        }
    }

    /// Whoever waits for a connection gets none.
    fn refuse(&mut self) {
        if let Phase::Asked(word) = &self.phase {
            let _impatient = word.say(Answer::Refused);
        }
    }

    fn receive(&mut self, payload: &[u8]) -> Fate {
        if self.waiting.len() + payload.len() > ROOM_BYTES as usize
            || self.guest_closed & closing::SENDING != 0
        {
            return Fate::Cut;
        }
        self.waiting.extend(payload);
        self.pass_on()
    }

    /// Gives the host as much as it takes.
    pub(super) fn pass_on(&mut self) -> Fate {
        while !self.waiting.is_empty() {
            let (first, _) = self.waiting.as_slices();
            match (&*self.stream).write(first) {
                Ok(count) => {
                    self.waiting.drain(..count);
                    self.passed_on = self.passed_on.wrapping_add(u32::try_from(count).unwrap_or(0));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Fate::Lives,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Fate::Cut,
            }
        }
        if self.guest_closed == closing::BOTH {
            return Fate::Cut;
        }
        if self.guest_closed & closing::SENDING != 0 {
            let _closed = self.stream.shutdown(Shutdown::Write);
        }
        Fate::Lives
    }

    /// Whether the guest should hear of new room.
    pub(super) fn has_news(&self) -> bool {
        self.passed_on.wrapping_sub(self.told_passed_on) >= NEWS_BYTES
    }

    /// The next packet for the guest, with at most `room` bytes of payload: what the host wrote, or that it closed.
    pub(super) fn next_packet(&mut self, room: usize) -> Option<(Header, Vec<u8>)> {
        if !self.wants_bytes() {
            return None;
        }
        let length = room.min(MOST_PAYLOAD_BYTES).min(self.credit() as usize);
        let mut payload = vec![0; length];
        match (&*self.stream).read(&mut payload) {
            Ok(0) if length > 0 => {
                let flags = if self.host_is_gone() { closing::BOTH } else { closing::SENDING };
                self.host_closed = flags;
                let header = self.header(Operation::Shutdown);
                Some((Header { flags, ..header }, Vec::new()))
            }
            Ok(count) => {
                payload.truncate(count);
                let length = u32::try_from(count).unwrap_or(0);
                self.sent = self.sent.wrapping_add(length);
                Some((Header { length, ..self.header(Operation::Payload) }, payload))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(_) => {
                self.host_closed = closing::BOTH;
                let header = self.header(Operation::Shutdown);
                Some((Header { flags: closing::BOTH, ..header }, Vec::new()))
            }
        }
    }

    /// Whether the host closed both directions and was told everything.
    pub(super) fn is_left(&self) -> bool {
        self.host_closed == closing::BOTH
    }

    /// Whether nobody holds the other end any more.
    fn host_is_gone(&self) -> bool {
        let mut descriptor = [PollFd::from_borrowed_fd(self.stream.as_fd(), PollFlags::OUT)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = poll(&mut descriptor, Some(&at_once)).is_ok();
        polled && descriptor.iter().any(|news| news.revents().contains(PollFlags::HUP))
    }
}
