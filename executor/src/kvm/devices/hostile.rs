//! A driver made of arbitrary bytes: it sets devices up like any other, and then writes what it likes, where it likes.
//!
//! For fuzzing and property tests. Whatever the bytes are, devices must neither panic nor touch anything outside the
//! guest's memory (which the memory's own bounds would turn into an error), nor work without end.

use super::bus::DeviceBus;
use super::disk::{Disk, DiskFiles};
use super::files::FilesPart;
use super::network::NetworkPart;
use super::parts::DevicePart;
use super::phase::Phase;
use super::registers::REGION_BYTES;
use super::sockets::SocketsPart;
use crate::kvm::GuestMemory;
use crate::kvm::memory::memory_of;
use rustix::fs::MemfdFlags;
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use vm_memory::{Bytes, GuestAddress};

/// Bytes of the guest's memory; addresses of 16 bits reach all of it and nothing else needs to be found by luck.
const MEMORY_BYTES: u64 = 1 << 16;

/// Where queues are at first: descriptors, what is available, what is used.
const QUEUE_PARTS: [u64; 3] = [0, 0x400, 0x800];

/// Distance from one queue to the next.
const QUEUE_DISTANCE: u64 = 0x1000;

/// Size of the disk of [`every_kind`].
const DISK_BYTES: u64 = 64 * 1024;

/// Every kind of device there is, with nothing behind it on the host.
///
/// # Errors
/// When the host is out of something.
pub fn every_kind() -> io::Result<Vec<DevicePart>> {
    let file = || -> io::Result<File> {
        Ok(File::from(rustix::fs::memfd_create("disk", MemfdFlags::CLOEXEC)?))
    };
    let files = DiskFiles { base: Arc::new(file()?), frozen: Vec::new(), written: file()?.into() };
    let disk = DevicePart::Disk(Arc::new(Disk::new(files, DISK_BYTES)?));
    let (sockets, _) = SocketsPart::new()?;
    let (files, _) = FilesPart::new("layerc")?;
    let (sockets, files) = (DevicePart::Sockets(sockets), DevicePart::Files(files));
    let stream = UnixStream::pair()?.0;
    let network = DevicePart::Network(NetworkPart { hardware_address: [2; 6], stream });
    Ok(vec![DevicePart::Entropy, sockets, disk, files, network, DevicePart::Balloon])
}

/// Lets a bus with these parts meet such a driver. The devices stand still but for the calls of this function.
pub fn drive(parts: Vec<DevicePart>, bytes: &[u8]) {
    let Ok(memory) = memory_of(&[(0, MEMORY_BYTES)]) else { return };
    let Ok(bus) = DeviceBus::new(parts, &memory) else { return };
    for slot in bus.slots() {
        set_up(&bus, slot.index as u64 * REGION_BYTES, slot.calls.len());
    }
    let mut script = Script { bytes };
    while let Some(act) = script.act() {
        perform(&act, &bus, &memory);
    }
    bus.work_for_tests();
    let states = bus.save();
    drop(bus);
    // What devices make of all that can be read back by nobody but them; it must at least be readable.
    let written = postcard::to_stdvec(&states).unwrap_or_default();
    let _read: Result<Vec<super::state::DeviceState>, _> = postcard::from_bytes(&written);
}

/// Brings a device to where it works, as drivers do.
pub(super) fn set_up(bus: &DeviceBus, base: u64, queues: usize) {
    let set = |register: u64, value: u32| bus.write(base + register, &value.to_le_bytes());
    let get = |register: u64| {
        let mut value = [0; 4];
        bus.read(base + register, &mut value);
        u32::from_le_bytes(value)
    };
    set(0x70, Phase::Acknowledged.status());
    set(0x70, Phase::Driver.status());
    for page in [0, 1] {
        set(0x14, page);
        set(0x24, page);
        set(0x20, get(0x10));
    }
    set(0x70, Phase::FeaturesOk.status());
    for queue in 0..queues {
        set(0x30, u32::try_from(queue).unwrap_or(0));
        set(0x38, get(0x34).min(16));
        for (part, register) in QUEUE_PARTS.iter().zip([0x80, 0x90, 0xa0]) {
            let address = part + QUEUE_DISTANCE * queue as u64;
            set(register, u32::try_from(address).unwrap_or(0));
        }
        set(0x44, 1);
    }
    set(0x70, Phase::Running.status());
}

/// What the driver does next.
#[derive(Debug)]
enum Act {
    Register { device: u8, offset: u16, value: u32 },
    Memory { address: u16, bytes: Vec<u8> },
    Request { queue: u8, descriptors: Vec<u8>, count: u8 },
    Work,
    PauseAndResume,
}

struct Script<'bytes> {
    bytes: &'bytes [u8],
}

impl Script<'_> {
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken.to_vec())
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn act(&mut self) -> Option<Act> {
        let [kind] = self.number()?;
        Some(match kind % 8 {
            0 => Act::Register {
                device: u8::from_le_bytes(self.number()?),
                offset: u16::from_le_bytes(self.number()?),
                value: u32::from_le_bytes(self.number()?),
            },
            1 | 2 => {
                let address = u16::from_le_bytes(self.number()?);
                let [length] = self.number()?;
                Act::Memory { address, bytes: self.take(length.into())? }
            }
            3 | 4 => {
                let [queue, count] = self.number()?;
                let count = count % 4 + 1;
                Act::Request { queue, descriptors: self.take(usize::from(count) * 16)?, count }
            }
            5 => Act::PauseAndResume,
            _ => Act::Work,
        })
    }
}

fn perform(act: &Act, bus: &DeviceBus, memory: &GuestMemory) {
    match act {
        Act::Register { device, offset, value } => {
            let base = u64::from(*device) * REGION_BYTES;
            bus.write(base + u64::from(*offset), &value.to_le_bytes());
            bus.read(base + u64::from(*offset), &mut [0; 8]);
        }
        Act::Memory { address, bytes } => {
            let _outside = memory.write_slice(bytes, GuestAddress((*address).into()));
        }
        Act::Request { queue, descriptors, count } => {
            offer(memory, u64::from(queue % 4) * QUEUE_DISTANCE, descriptors, *count);
        }
        Act::Work => bus.work_for_tests(),
        Act::PauseAndResume => {
            bus.pause();
            let _states = bus.save();
        }
    }
}

/// Puts descriptors at the table's beginning and makes the first one available.
fn offer(memory: &GuestMemory, base: u64, descriptors: &[u8], count: u8) {
    let [table, available, _] = QUEUE_PARTS.map(|part| GuestAddress(base + part));
    let _outside = memory.write_slice(descriptors, table);
    let index = GuestAddress(available.0 + 2);
    let next: u16 = memory.read_obj(index).unwrap_or(0);
    let place = GuestAddress(available.0 + 4 + 2 * u64::from(next % 16));
    let _outside = memory.write_obj(u16::from(count) % 2, place);
    let _outside = memory.write_obj(next.wrapping_add(1), index);
}
