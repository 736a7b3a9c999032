//! Streams through real queues: the test is the guest's driver, and the program that connects.

use super::SocketsDevice;
use super::connector::{Connector, GuestPort, SocketsPart};
use super::request::{Ends, HEADER_BYTES, HOST, Header, Operation};
use crate::kvm::devices::driver_for_tests::Driver;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

const GUEST: u64 = 3;
const PORT: u32 = 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// A guest's side of sockets, packet by packet.
struct Guest {
    driver: Driver,
    connector: Connector,
}

impl Guest {
    fn new() -> Self {
        let (part, connector) = SocketsPart::new().unwrap();
        let mut guest = Self { driver: Driver::of(Box::new(SocketsDevice::new(part))), connector };
        guest.offer_buffers(16);
        guest
    }

    fn offer_buffers(&mut self, count: usize) {
        for _ in 0..count {
            self.driver.request(0, &[], &[4096]);
        }
    }

    /// Packets that came, each answered with a new buffer.
    fn packets(&mut self) -> Vec<(Header, Vec<u8>)> {
        self.driver.work();
        let answers = self.driver.answers(0);
        self.offer_buffers(answers.len());
        answers.iter().map(|answer| parse(&answer.bytes)).collect()
    }

    /// The next packet, whenever the host has written it.
    fn packet(&mut self) -> (Header, Vec<u8>) {
        loop {
            let mut packets = self.packets();
            assert!(packets.len() < 2, "one at a time: {packets:?}");
            if let Some(packet) = packets.pop() {
                return packet;
            }
            std::thread::yield_now();
        }
    }

    fn send(&mut self, header: &Header, payload: &[u8]) {
        let bytes = as_guest(header);
        self.driver.request(1, &[&bytes, payload], &[]);
        self.driver.work();
        assert_eq!(self.driver.answers(1).len(), 1);
    }

    fn tell(&mut self, ends: Ends, operation: Operation, flags: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap();
        let header = Header { ends, operation, length, flags, room: 8192, passed_on: 0 };
        self.send(&header, payload);
    }

    fn connect_in_background(&self) -> JoinHandle<std::io::Result<UnixStream>> {
        let connector = self.connector.clone();
        std::thread::spawn(move || connector.connect(GuestPort(PORT), PATIENCE))
    }

    /// A connection that both sides agreed on.
    fn connected(&mut self) -> (Ends, UnixStream) {
        let connecting = self.connect_in_background();
        let (asked, _) = self.packet();
        assert_eq!((asked.operation, asked.ends.guest_port), (Operation::Request, PORT));
        self.tell(asked.ends, Operation::Response, 0, &[]);
        (asked.ends, connecting.join().unwrap().unwrap())
    }
}

/// A header the way the guest writes it: from itself to the host.
fn as_guest(header: &Header) -> Vec<u8> {
    let ends = Ends { host_port: header.ends.guest_port, guest_port: header.ends.host_port };
    let mut bytes = Header { ends, ..*header }.to_bytes(HOST).to_vec();
    bytes[..8].copy_from_slice(&GUEST.to_le_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> (Header, Vec<u8>) {
    let (header, payload) = bytes.split_at(HEADER_BYTES);
    let mut turned = header.to_vec();
    turned[..8].copy_from_slice(&header[8..16]);
    turned[8..16].copy_from_slice(&header[..8]);
    turned[16..20].copy_from_slice(&header[20..24]);
    turned[20..24].copy_from_slice(&header[16..20]);
    let header = Header::from_bytes(&turned.try_into().unwrap(), GUEST).unwrap();
    assert_eq!(header.length as usize, payload.len());
    (header, payload.to_vec())
}

#[test]
fn bytes_go_both_ways_and_ends_are_told() {
    let mut guest = Guest::new();
    let (ends, mut host) = guest.connected();
    host.write_all(b"from the host").unwrap();
    let (header, payload) = guest.packet();
    assert_eq!((header.ends, header.operation), (ends, Operation::Payload));
    assert_eq!(payload, b"from the host");
    guest.tell(ends, Operation::Payload, 0, b"from the guest");
    let mut heard = [0; 14];
    host.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"from the guest");
    guest.tell(ends, Operation::Shutdown, 2, &[]);
    assert_eq!(host.read(&mut heard).unwrap(), 0, "the guest sends no more");
    drop(host);
    let (header, _) = guest.packet();
    assert_eq!((header.operation, header.flags), (Operation::Shutdown, 3));
    guest.tell(ends, Operation::Payload, 0, b"too late");
    assert_eq!(guest.packet().0.operation, Operation::Reset);
}

#[test]
fn a_port_where_nothing_listens_refuses() {
    let mut guest = Guest::new();
    let connecting = guest.connect_in_background();
    let (asked, _) = guest.packet();
    guest.tell(asked.ends, Operation::Reset, 0, &[]);
    assert_eq!(connecting.join().unwrap().unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_machine_that_ends_lets_nobody_wait() {
    let mut guest = Guest::new();
    let connecting = guest.connect_in_background();
    guest.packet();
    let connector = guest.connector.clone();
    drop(guest);
    assert_eq!(connecting.join().unwrap().unwrap_err().kind(), ErrorKind::NotConnected);
    let refused = connector.connect(GuestPort(PORT), PATIENCE).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotConnected);
}

#[test]
fn nobody_sends_more_than_the_other_has_room_for() {
    let mut guest = Guest::new();
    let (ends, mut host) = guest.connected();
    host.set_nonblocking(true).unwrap();
    host.write_all(&[7; 20_000]).unwrap();
    let sum = |guest: &mut Guest| {
        let packets = guest.packets();
        packets.iter().map(|(_, payload)| payload.len()).sum::<usize>()
    };
    assert_eq!(sum(&mut guest), 8192, "the room that the guest told of");
    assert_eq!(sum(&mut guest), 0);
    let update = Header {
        ends,
        operation: Operation::CreditUpdate,
        length: 0,
        flags: 0,
        room: 8192,
        passed_on: 8192,
    };
    guest.send(&update, &[]);
    assert_eq!(sum(&mut guest), 8192);
    // The host doesn't read: the guest may fill its room and what the socket holds, and is cut off after that.
    let mut sent = 0;
    let cut = loop {
        guest.tell(ends, Operation::Payload, 0, &[1; 32 * 1024]);
        sent += 32 * 1024;
        let packets = guest.packets();
        if packets.iter().any(|(header, _)| header.operation == Operation::Reset) {
            break sent;
        }
        assert!(sent < 64 << 20, "a guest fills the host's memory");
    };
    assert!(cut > 256 * 1024);
}

#[test]
fn connections_to_the_host_and_nonsense_are_refused() {
    let mut guest = Guest::new();
    let ends = Ends { host_port: 80, guest_port: 5000 };
    for operation in [Operation::Request, Operation::Payload, Operation::CreditRequest] {
        guest.tell(ends, operation, 0, &[]);
        let (header, _) = guest.packet();
        assert_eq!((header.operation, header.ends), (Operation::Reset, ends));
    }
    guest.tell(ends, Operation::Reset, 0, &[]);
    guest.driver.request(1, &[b"short"], &[]);
    let lying = Header {
        ends,
        operation: Operation::Payload,
        length: u32::MAX,
        flags: 0,
        room: 0,
        passed_on: 0,
    };
    guest.driver.request(1, &[&as_guest(&lying)], &[]);
    assert_eq!(guest.packet().0.operation, Operation::Reset);
    assert!(guest.packets().is_empty());
}

#[test]
fn a_restored_guest_hears_that_its_connections_are_gone_before_anything_else() {
    let mut guest = Guest::new();
    let (old, _host) = guest.connected();
    guest.driver.request(2, &[], &[4]);
    let (part, connector) = SocketsPart::new().unwrap();
    let driver = guest.driver.restored(Box::new(SocketsDevice::new(part)));
    let mut guest = Guest { driver, connector };
    guest.driver.work();
    assert_eq!(guest.driver.answers(2)[0].bytes, [0; 4]);
    let (new, _host) = guest.connected();
    assert!(new.host_port > old.host_port);
}
