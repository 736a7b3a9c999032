//! A well-behaved driver for tests: finds a device, agrees with it, and makes requests through real queues in memory.
//!
//! Knows no kinds of devices. Nothing runs beside it: the device works when [`Driver::work`] says so.

use super::device::Device;
use super::phase::Phase;
use super::queues::More;
use super::slot::Slot;
use super::state::DeviceState;
use crate::kvm::GuestMemory;
use crate::kvm::memory::memory_of;
use vm_memory::{Bytes, GuestAddress};

/// Size of the guest's memory.
pub(super) const MEMORY_BYTES: u64 = 16 << 20;

/// Where buffers begin; queues are below.
const BUFFERS_BEGIN: u64 = 1 << 20;

/// Space for each queue.
const QUEUE_BYTES: u64 = 0x10000;

const DESCRIPTOR_HAS_NEXT: u16 = 1;
const DESCRIPTOR_IS_WRITABLE: u16 = 2;

/// A guest's memory.
pub(super) fn memory() -> GuestMemory {
    memory_of(&[(0, MEMORY_BYTES)]).unwrap()
}

/// A request as the device gave it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Number of the request.
    pub(super) head: u16,
    /// What the device says it wrote, read from the request's room in order.
    pub(super) bytes: Vec<u8>,
    /// All of the room.
    pub(super) room: Vec<u8>,
}

#[derive(Debug)]
struct DriverQueue {
    size: u16,
    base: u64,
    next_descriptor: u16,
    offered: u16,
    seen: u16,
    /// Room of each request, by head.
    rooms: Vec<Vec<(u64, usize)>>,
}

impl DriverQueue {
    fn available(&self) -> u64 {
        self.base + 16 * u64::from(self.size)
    }

    fn used(&self) -> u64 {
        (self.available() + 6 + 2 * u64::from(self.size)).next_multiple_of(4)
    }
}

/// The driver and its device.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) slot: Slot,
    pub(super) memory: GuestMemory,
    queues: Vec<DriverQueue>,
    next_buffer: u64,
}

impl Driver {
    /// Brings a device up to where it works.
    pub(super) fn of(device: Box<dyn Device>) -> Self {
        let memory = memory();
        let slot = Slot::new(device, memory.clone()).unwrap();
        let mut driver = Self { slot, memory, queues: Vec::new(), next_buffer: BUFFERS_BEGIN };
        driver.begin();
        driver
    }

    /// A driver that goes on with a device that was restored from the state of this one's, over the same memory.
    pub(super) fn restored(self, device: Box<dyn Device>) -> Self {
        self.slot.pause();
        let bytes = postcard::to_stdvec(&self.slot.save()).unwrap();
        let state: DeviceState = postcard::from_bytes(&bytes).unwrap();
        let slot = Slot::new(device, self.memory.clone()).unwrap();
        slot.restore(state).unwrap();
        slot.resume();
        Self { slot, ..self }
    }

    fn begin(&mut self) {
        for phase in [Phase::Acknowledged, Phase::Driver] {
            self.set(0x70, phase.status());
        }
        for page in [0, 1] {
            self.set(0x14, page);
            let offered = self.get(0x10);
            self.set(0x24, page);
            self.set(0x20, offered);
        }
        self.set(0x70, Phase::FeaturesOk.status());
        assert_eq!(self.get(0x70), Phase::FeaturesOk.status(), "the device took the features");
        while self.set_up_queue() {}
        self.set(0x70, Phase::Running.status());
        assert_eq!(self.get(0x70), Phase::Running.status(), "the device works");
        self.slot.resume();
    }

    fn set_up_queue(&mut self) -> bool {
        let index = self.queues.len();
        self.set(0x30, u32::try_from(index).unwrap());
        let size = u16::try_from(self.get(0x34)).unwrap();
        if size == 0 {
            return false;
        }
        let queue = DriverQueue {
            size,
            base: QUEUE_BYTES * (index as u64 + 1),
            next_descriptor: 0,
            offered: 0,
            seen: 0,
            rooms: vec![Vec::new(); size.into()],
        };
        self.set(0x38, size.into());
        let parts = [(0x80, queue.base), (0x90, queue.available()), (0xa0, queue.used())];
        for (register, address) in parts {
            self.set(register, u32::try_from(address).unwrap());
            self.set(register + 4, 0);
        }
        self.set(0x44, 1);
        self.queues.push(queue);
        true
    }

    pub(super) fn get(&self, register: u64) -> u32 {
        let mut bytes = [0; 4];
        self.slot.read(register, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    pub(super) fn set(&self, register: u64, value: u32) {
        self.slot.write(register, &value.to_le_bytes());
    }

    /// The kind's configuration.
    pub(super) fn configuration<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.slot.read(0x100, &mut bytes);
        bytes
    }

    fn buffer(&mut self, length: usize) -> u64 {
        let length = length as u64;
        if self.next_buffer + length > MEMORY_BYTES {
            self.next_buffer = BUFFERS_BEGIN;
        }
        let address = self.next_buffer;
        self.next_buffer = (address + length).next_multiple_of(16);
        address
    }

    /// Makes a request: buffers with these bytes, then room of these lengths. Returns its number.
    pub(super) fn request(&mut self, queue: usize, written: &[&[u8]], room: &[usize]) -> u16 {
        let mut parts = Vec::new();
        for bytes in written {
            let address = self.buffer(bytes.len());
            self.memory.write_slice(bytes, GuestAddress(address)).unwrap();
            parts.push((address, bytes.len(), 0));
        }
        for length in room {
            let address = self.buffer(*length);
            self.memory.write_slice(&vec![0; *length], GuestAddress(address)).unwrap();
            parts.push((address, *length, DESCRIPTOR_IS_WRITABLE));
        }
        self.offer(queue, &parts)
    }

    fn offer(&mut self, index: usize, parts: &[(u64, usize, u16)]) -> u16 {
        let memory = &self.memory;
        let queue = &mut self.queues[index];
        let head = queue.next_descriptor;
        for (place, (address, length, flags)) in parts.iter().enumerate() {
            let number = queue.next_descriptor;
            queue.next_descriptor = (number + 1) % queue.size;
            let last = place + 1 == parts.len();
            let flags = if last { *flags } else { flags | DESCRIPTOR_HAS_NEXT };
            let mut descriptor = address.to_le_bytes().to_vec();
            descriptor.extend(u32::try_from(*length).unwrap().to_le_bytes());
            descriptor.extend(flags.to_le_bytes());
            descriptor.extend(queue.next_descriptor.to_le_bytes());
            let at = GuestAddress(queue.base + 16 * u64::from(number));
            memory.write_slice(&descriptor, at).unwrap();
        }
        let room = parts.iter().filter(|part| part.2 & DESCRIPTOR_IS_WRITABLE != 0);
        queue.rooms[usize::from(head)] =
            room.map(|(address, length, _)| (*address, *length)).collect();
        let slot = queue.available() + 4 + 2 * u64::from(queue.offered % queue.size);
        memory.write_slice(&head.to_le_bytes(), GuestAddress(slot)).unwrap();
        queue.offered = queue.offered.wrapping_add(1);
        let count = queue.offered.to_le_bytes();
        memory.write_slice(&count, GuestAddress(queue.available() + 2)).unwrap();
        head
    }

    /// Makes a request of room at these places, and has it answered.
    pub(super) fn report(&mut self, queue: usize, places: &[(u64, usize)]) {
        let writable = |(start, length): &(u64, usize)| (*start, *length, DESCRIPTOR_IS_WRITABLE);
        let parts: Vec<_> = places.iter().map(writable).collect();
        self.offer(queue, &parts);
        self.work();
        assert_eq!(self.answers(queue).len(), 1);
    }

    /// Lets the device work until it has nothing to do.
    pub(super) fn work(&self) {
        while self.slot.work().more == More::AtOnce {}
    }

    /// What the device gave back since the last call.
    pub(super) fn answers(&mut self, index: usize) -> Vec<Answer> {
        let memory = &self.memory;
        let queue = &mut self.queues[index];
        let mut count = [0; 2];
        memory.read_slice(&mut count, GuestAddress(queue.used() + 2)).unwrap();
        let mut answers = Vec::new();
        while queue.seen != u16::from_le_bytes(count) {
            let at = queue.used() + 4 + 8 * u64::from(queue.seen % queue.size);
            let mut element = [0; 8];
            memory.read_slice(&mut element, GuestAddress(at)).unwrap();
            let (head, length) = element.split_at(4);
            let head = u16::try_from(u32::from_le_bytes(head.try_into().unwrap())).unwrap();
            let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
            let mut room = Vec::new();
            for (address, length) in &queue.rooms[usize::from(head)] {
                let mut part = vec![0; *length];
                memory.read_slice(&mut part, GuestAddress(*address)).unwrap();
                room.extend(part);
            }
            answers.push(Answer { head, bytes: room[..length].to_vec(), room });
            queue.seen = queue.seen.wrapping_add(1);
        }
        answers
    }

    /// A request and its one answer.
    pub(super) fn ask(&mut self, queue: usize, written: &[&[u8]], room: &[usize]) -> Answer {
        let head = self.request(queue, written, room);
        self.work();
        let answers = self.answers(queue);
        assert_eq!(answers.len(), 1, "one request, one answer: {answers:?}");
        assert_eq!(answers[0].head, head);
        answers.into_iter().next().unwrap()
    }
}
