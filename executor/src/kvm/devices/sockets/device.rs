//! Moves packets between the queues and the connections.
//!
//! A guest gets as many answers as it makes room for: while packets wait that it has no buffers for, no packet of
//! its own is taken. After a restore every connection of before is gone, and the guest is told so first.

use super::connection::{Connection, Fate};
use super::connector::{Answer, SocketsPart, Wanted};
use super::request::{Ends, HEADER_BYTES, Header, MOST_PAYLOAD_BYTES, Malformed, Operation};
use super::state::SocketsState;
use crate::kvm::devices::chain::Chain;
use crate::kvm::devices::device::{Awaited, Device, Kind};
use crate::kvm::devices::queues::{Broken, Queues};
use crate::kvm::devices::state::{DeviceData, StateError};
use rustix::event::PollFlags;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const TO_GUEST: usize = 0;
const FROM_GUEST: usize = 1;
const EVENTS: usize = 2;

/// Most connections at a time.
const MOST_CONNECTIONS: usize = 1024;

/// Most packets without payload that may wait for buffers.
const MOST_WAITING: usize = 256;

/// First port of the host; the next connection has the next one, so that none is taken for one of before a restore.
const FIRST_HOST_PORT: u32 = 1 << 30;

/// The event: connections are gone, and the guest's number may be another one.
const EVENT_TRANSPORT_RESET: u32 = 0;

/// Whether the guest knows that its connections are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restored {
    Unannounced,
    Known,
}

/// Whether the guest has buffers for packets. Without, there is no point in asking the host for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Buffers {
    There,
    Gone,
}

/// The device.
#[derive(Debug)]
pub(in crate::kvm::devices) struct SocketsDevice {
    part: SocketsPart,
    buffers: Buffers,
    connections: BTreeMap<Ends, Connection>,
    waiting: VecDeque<Header>,
    next_host_port: u32,
    restored: Restored,
}

impl SocketsDevice {
    pub(in crate::kvm::devices) fn new(part: SocketsPart) -> Self {
        Self {
            part,
            buffers: Buffers::There,
            connections: BTreeMap::new(),
            waiting: VecDeque::new(),
            next_host_port: FIRST_HOST_PORT,
            restored: Restored::Known,
        }
    }

    /// Tells of a restore. Nothing else may be said before.
    fn announce(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        if self.restored == Restored::Unannounced
            && let Some(mut chain) = queues.take(EVENTS)?
        {
            let told = chain.write(&EVENT_TRANSPORT_RESET.to_le_bytes());
            queues.give_back(EVENTS, &chain)?;
            if told.is_ok() {
                self.restored = Restored::Known;
            }
        }
        Ok(())
    }

    fn take_wanted(&mut self) {
        while self.waiting.len() < MOST_WAITING {
            let Some(wanted) = self.part.next_wanted() else { return };
            self.ask(wanted);
        }
    }

    fn ask(&mut self, wanted: Wanted) {
        if self.connections.len() >= MOST_CONNECTIONS {
            let _impatient = wanted.word.say(Answer::Busy);
            return;
        }
        let ends = Ends { host_port: self.next_host_port, guest_port: wanted.port.0 };
        self.next_host_port = self.next_host_port.wrapping_add(1).max(FIRST_HOST_PORT);
        let mut connection = Connection::new(ends, wanted.stream, wanted.word);
        self.waiting.push_back(connection.header(Operation::Request));
        self.connections.insert(ends, connection);
    }

    fn take_packets(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        while self.waiting.len() < MOST_WAITING
            && let Some(mut chain) = queues.take(FROM_GUEST)?
        {
            self.take_packet(&mut chain);
            queues.give_back(FROM_GUEST, &chain)?;
        }
        Ok(())
    }

    fn take_packet(&mut self, chain: &mut Chain<'_>) {
        let Ok(bytes) = chain.read_array::<HEADER_BYTES>() else { return };
        let header = match Header::from_bytes(&bytes, self.part.guest) {
            Ok(header) => header,
            Err(Malformed::Unreadable) => return,
            Err(Malformed::Unsupported(ends)) => return self.reset_connection(ends),
        };
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        if length > MOST_PAYLOAD_BYTES || length > chain.readable_bytes() {
            self.connections.remove(&header.ends);
            return self.reset_connection(header.ends);
        }
        let mut payload = vec![0; length];
        if chain.read_exact(&mut payload).is_ok() {
            self.hear(&header, &payload);
        }
    }

    fn hear(&mut self, header: &Header, payload: &[u8]) {
        let Some(connection) = self.connections.get_mut(&header.ends) else {
            // Connections to the host are refused like packets of none.
            if header.operation != Operation::Reset {
                self.reset_connection(header.ends);
            }
            return;
        };
        if header.operation == Operation::CreditRequest {
            self.waiting.push_back(connection.header(Operation::CreditUpdate));
        }
        let fate = connection.hear(header, payload);
        self.meet(header.ends, fate);
    }

    fn meet(&mut self, ends: Ends, fate: Fate) {
        match fate {
            Fate::Lives => {}
            Fate::Over => {
                self.connections.remove(&ends);
            }
            Fate::Cut => {
                self.connections.remove(&ends);
                self.reset_connection(ends);
            }
        }
    }

    fn reset_connection(&mut self, ends: Ends) {
        let operation = Operation::Reset;
        let header = Header { ends, operation, length: 0, flags: 0, room: 0, passed_on: 0 };
        self.waiting.push_back(header);
    }

    /// Gives the host what it can take by now.
    fn pass_on(&mut self) {
        let fates: Vec<(Ends, Fate)> = self
            .connections
            .iter_mut()
            .filter(|(_, connection)| connection.holds_bytes())
            .map(|(ends, connection)| (*ends, connection.pass_on()))
            .collect();
        for (ends, fate) in fates {
            self.meet(ends, fate);
        }
        let told = self.connections.values_mut().filter(|connection| connection.has_news());
        let news: Vec<Header> =
            told.map(|connection| connection.header(Operation::CreditUpdate)).collect();
        self.waiting.extend(news);
    }

    /// A buffer for the next packet.
    fn buffer<'memory>(
        &mut self,
        queues: &mut Queues<'memory>,
    ) -> Result<Option<Chain<'memory>>, Broken> {
        let chain = queues.take(TO_GUEST)?;
        self.buffers = if chain.is_some() { Buffers::There } else { Buffers::Gone };
        Ok(chain)
    }

    fn give_packets(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        self.buffers = Buffers::There;
        while let Some(header) = self.waiting.front().copied() {
            let Some(mut chain) = self.buffer(queues)? else { return Ok(()) };
            if chain.write(&header.to_bytes(self.part.guest)).is_ok() {
                self.waiting.pop_front();
            }
            queues.give_back(TO_GUEST, &chain)?;
        }
        let all: Vec<Ends> = self.connections.keys().copied().collect();
        for ends in all {
            self.give_bytes(ends, queues)?;
        }
        Ok(())
    }

    /// Gives the guest what the host wrote to one connection, as long as both have some.
    fn give_bytes(&mut self, ends: Ends, queues: &mut Queues<'_>) -> Result<(), Broken> {
        while self.connections.get(&ends).is_some_and(Connection::wants_bytes)
            && let Some(mut chain) = self.buffer(queues)?
            && let Some(connection) = self.connections.get_mut(&ends)
        {
            let room = chain.writable_bytes().saturating_sub(HEADER_BYTES);
            if room == 0 {
                queues.give_back(TO_GUEST, &chain)?;
                continue;
            }
            let Some((header, payload)) = connection.next_packet(room) else {
                queues.put_back(TO_GUEST);
                return Ok(());
            };
            let over = connection.is_left();
            // The room was measured: both fit.
            let _fits = chain.write(&header.to_bytes(self.part.guest));
            let _fits = chain.write(&payload);
            queues.give_back(TO_GUEST, &chain)?;
            if over {
                self.connections.remove(&ends);
            }
        }
        Ok(())
    }
}

impl Device for SocketsDevice {
    fn kind(&self) -> Kind {
        Kind::Sockets
    }

    fn queue_sizes(&self) -> &'static [u16] {
        &[256, 256, 64]
    }

    fn configuration(&self) -> Vec<u8> {
        self.part.guest.to_le_bytes().to_vec()
    }

    fn awaited(&self) -> Vec<Awaited> {
        let mut awaited = Vec::new();
        if self.restored == Restored::Unannounced {
            return awaited;
        }
        if self.waiting.len() < MOST_WAITING
            && let Some(door) = &self.part.door
        {
            let descriptor = Arc::clone(door);
            awaited.push(Awaited { descriptor, events: PollFlags::IN });
        }
        let unwanted = match self.buffers {
            Buffers::There => PollFlags::empty(),
            Buffers::Gone => PollFlags::IN,
        };
        let streams =
            self.connections.values().filter_map(|connection| connection.awaited(unwanted));
        awaited.extend(streams.map(|(descriptor, events)| Awaited { descriptor, events }));
        awaited
    }

    fn work(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        self.announce(queues)?;
        if self.restored == Restored::Unannounced {
            return Ok(());
        }
        self.take_wanted();
        self.take_packets(queues)?;
        self.pass_on();
        self.give_packets(queues)
    }

    fn reset(&mut self) {
        self.connections.clear();
        self.waiting.clear();
    }

    fn save(&self) -> DeviceData {
        let (guest, next_host_port) = (self.part.guest, self.next_host_port);
        DeviceData::Sockets(SocketsState { guest, next_host_port })
    }

    fn restore(&mut self, data: DeviceData) -> Result<(), StateError> {
        let DeviceData::Sockets(state) = data else {
            return Err(StateError::Content("sockets with the state of another kind"));
        };
        if state.guest <= super::request::HOST || state.next_host_port < FIRST_HOST_PORT {
            return Err(StateError::Content("sockets without a guest"));
        }
        self.part.guest = state.guest;
        self.next_host_port = state.next_host_port;
        self.restored = Restored::Unannounced;
        Ok(())
    }
}
