//! Moves frames between the queues and the stream. A direction that is full stops the other side, it loses nothing.
//!
//! The card offers no more than to move frames: no checksums, no large segments.

use super::request::{Frames, MOST_FRAME_BYTES, NoFrame};
use super::state::NetworkState;
use crate::kvm::devices::device::{Awaited, Device, Kind};
use crate::kvm::devices::queues::{Broken, Queues};
use crate::kvm::devices::state::{DeviceData, StateError};
use rustix::event::PollFlags;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use virtio_bindings::virtio_net::VIRTIO_NET_F_MAC;

const TO_GUEST: usize = 0;
const FROM_GUEST: usize = 1;

/// Bytes before each frame in the guest's memory: nothing is said in them but that the frame is in one buffer.
const HEADER_BYTES: usize = 12;
const HEADER: [u8; HEADER_BYTES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];

/// Bytes that are read from the stream at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The device's end.
#[derive(Debug)]
pub struct NetworkPart {
    /// The card's hardware address.
    pub hardware_address: [u8; 6],
    /// Frames in both directions, each behind its length.
    pub stream: UnixStream,
}

/// What the device waits for before it reads from the stream again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nothing.
    Goes,
    /// The guest's buffers.
    Waits,
    /// The stream is over.
    Over,
}

/// The device.
#[derive(Debug)]
pub(in crate::kvm::devices) struct NetworkDevice {
    hardware_address: [u8; 6],
    stream: Arc<UnixStream>,
    to_guest: Frames,
    from_guest: Frames,
    /// A frame that the guest had no buffer for.
    kept: Option<Vec<u8>>,
    reading: Reading,
}

impl NetworkDevice {
    pub(in crate::kvm::devices) fn new(part: NetworkPart) -> Self {
        // Fails on no socket.
        let _set = part.stream.set_nonblocking(true);
        Self {
            hardware_address: part.hardware_address,
            stream: Arc::new(part.stream),
            to_guest: Frames::default(),
            from_guest: Frames::default(),
            kept: None,
            reading: Reading::Goes,
        }
    }

    /// Takes frames of the guest and gives the stream what it can take.
    fn send(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        loop {
            self.pass_on();
            if self.from_guest.is_full() {
                return Ok(());
            }
            let Some(mut chain) = queues.take(FROM_GUEST)? else { return Ok(()) };
            let frame = chain.read_rest(HEADER_BYTES + MOST_FRAME_BYTES).unwrap_or_default();
            if let Some(frame) = frame.get(HEADER_BYTES..).filter(|frame| !frame.is_empty()) {
                self.from_guest.add_frame(frame);
            }
            queues.give_back(FROM_GUEST, &chain)?;
        }
    }

    fn pass_on(&mut self) {
        while !self.from_guest.is_empty() {
            match (&*self.stream).write(self.from_guest.next_bytes()) {
                Ok(count) => self.from_guest.taken(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nobody is at the other end: what is sent is lost.
                Err(_) => self.from_guest.clear(),
            }
        }
    }

    /// Gives the guest what came, as long as it has buffers.
    fn receive(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        if self.reading == Reading::Waits {
            self.reading = Reading::Goes;
        }
        while let Some(frame) = self.next_frame() {
            let Some(mut chain) = queues.take(TO_GUEST)? else {
                self.kept = Some(frame);
                if self.reading == Reading::Goes {
                    self.reading = Reading::Waits;
                }
                return Ok(());
            };
            if chain.writable_bytes() >= HEADER_BYTES + frame.len() {
                let _fits = chain.write(&HEADER);
                let _fits = chain.write(&frame);
            }
            queues.give_back(TO_GUEST, &chain)?;
        }
        Ok(())
    }

    fn next_frame(&mut self) -> Option<Vec<u8>> {
        if let Some(frame) = self.kept.take() {
            return Some(frame);
        }
        loop {
            match self.to_guest.next_frame() {
                Ok(Some(frame)) => return Some(frame),
                Ok(None) => {}
                Err(NoFrame) => {
                    self.to_guest.clear();
                    self.reading = Reading::Over;
                }
            }
            if !self.read() {
                return None;
            }
        }
    }

    /// Reads a piece of the stream, if there is one.
    fn read(&mut self) -> bool {
        if self.reading != Reading::Goes {
            return false;
        }
        let mut piece = vec![0; PIECE_BYTES];
        match (&*self.stream).read(&mut piece) {
            Ok(0) => {
                self.reading = Reading::Over;
                false
            }
            Ok(count) => {
                self.to_guest.add_bytes(piece.get(..count).unwrap_or_default());
                true
            }
            Err(error) => error.kind() == ErrorKind::Interrupted,
        }
    }
}

impl Device for NetworkDevice {
    fn kind(&self) -> Kind {
        Kind::Network
    }

    fn features(&self) -> u64 {
        1 << VIRTIO_NET_F_MAC
    }

    fn queue_sizes(&self) -> &'static [u16] {
        &[256, 256]
    }

    fn configuration(&self) -> Vec<u8> {
        self.hardware_address.to_vec()
    }

    fn awaited(&self) -> Vec<Awaited> {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.reading == Reading::Goes);
        events.set(PollFlags::OUT, !self.from_guest.is_empty());
        if events.is_empty() {
            return Vec::new();
        }
        vec![Awaited { descriptor: self.stream.clone(), events }]
    }

    fn work(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        self.send(queues)?;
        self.receive(queues)
    }

    fn reset(&mut self) {
        self.kept = None;
        self.from_guest.clear();
    }

    fn save(&self) -> DeviceData {
        DeviceData::Network(NetworkState { hardware_address: self.hardware_address })
    }

    fn restore(&mut self, data: DeviceData) -> Result<(), StateError> {
        match data {
            DeviceData::Network(state) => {
                self.hardware_address = state.hardware_address;
                Ok(())
            }
            _ => Err(StateError::Content("a network card with the state of another kind")),
        }
    }
}
