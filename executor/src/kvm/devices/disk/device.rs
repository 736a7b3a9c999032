//! Carries out what a driver asks of its disk, one request after the other.

use super::image::{Disk, SECTOR_BYTES};
use super::request::{MOST_DATA_BYTES, Operation, Outcome, Request};
use crate::kvm::devices::chain::Chain;
use crate::kvm::devices::device::{Device, Kind};
use crate::kvm::devices::queues::{Broken, Queues};
use crate::kvm::devices::state::{DeviceData, StateError};
use std::io;
use std::sync::Arc;
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_TOPOLOGY,
};

const REQUESTS: usize = 0;

/// Bytes that are read or written at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Most parts of one request's data.
const MOST_SEGMENTS: u32 = 254;

/// Sectors in a cluster, as a power of two: what the guest should write together.
const SECTORS_TOGETHER_EXPONENT: u8 = 3;

/// What a driver shows as the disk's serial number.
const NAME: &[u8] = b"layerc";

/// Bytes of room for a name.
const NAME_BYTES: usize = 20;

/// The device.
#[derive(Debug)]
pub(in crate::kvm::devices) struct DiskDevice {
    disk: Arc<Disk>,
    piece: Vec<u8>,
}

impl DiskDevice {
    pub(in crate::kvm::devices) fn new(disk: Arc<Disk>) -> Self {
        Self { disk, piece: Vec::new() }
    }

    /// Answers one request. Without header or room for an outcome it is given back as it is.
    fn answer(&mut self, chain: &mut Chain<'_>) -> u32 {
        let Ok(mut request) = Request::of(chain) else { return 0 };
        let outcome = match request.operation {
            None => Outcome::Unsupported,
            Some(operation) => self.perform(operation, request.offset, chain),
        };
        let _fits = request.outcome.write(&[outcome.byte()]);
        chain.written_bytes().saturating_add(1)
    }

    fn perform(&mut self, operation: Operation, offset: u64, chain: &mut Chain<'_>) -> Outcome {
        let done = match operation {
            Operation::Read => self.read(offset, chain),
            Operation::Write => self.write(offset, chain),
            Operation::Flush => self.disk.flush(),
            Operation::Identify => {
                let mut name = NAME.to_vec();
                name.resize(NAME_BYTES.min(chain.writable_bytes()), 0);
                chain.write(&name)
            }
        };
        if done.is_ok() { Outcome::Done } else { Outcome::Failed }
    }

    fn read(&mut self, offset: u64, chain: &mut Chain<'_>) -> io::Result<()> {
        let length = checked_length(&self.disk, offset, chain.writable_bytes())?;
        for start in (0..length).step_by(PIECE_BYTES) {
            self.piece.resize(PIECE_BYTES.min(length - start), 0);
            self.disk.read(offset + start as u64, &mut self.piece)?;
            chain.write(&self.piece)?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u64, chain: &mut Chain<'_>) -> io::Result<()> {
        let length = checked_length(&self.disk, offset, chain.readable_bytes())?;
        for start in (0..length).step_by(PIECE_BYTES) {
            self.piece.resize(PIECE_BYTES.min(length - start), 0);
            chain.read_exact(&mut self.piece)?;
            self.disk.write(offset + start as u64, &self.piece)?;
        }
        Ok(())
    }
}

/// Whole sectors, not too many, all of them there.
fn checked_length(disk: &Disk, offset: u64, length: usize) -> io::Result<usize> {
    let whole = (length as u64).is_multiple_of(SECTOR_BYTES);
    if whole && length <= MOST_DATA_BYTES && disk.has(offset, length as u64) {
        return Ok(length);
    }
    Err(io::ErrorKind::InvalidInput.into())
}

impl Device for DiskDevice {
    fn kind(&self) -> Kind {
        Kind::Disk
    }

    fn features(&self) -> u64 {
        1 << VIRTIO_BLK_F_FLUSH | 1 << VIRTIO_BLK_F_SEG_MAX | 1 << VIRTIO_BLK_F_TOPOLOGY
    }

    fn queue_sizes(&self) -> &'static [u16] {
        &[256]
    }

    fn configuration(&self) -> Vec<u8> {
        let mut bytes = (self.disk.bytes() / SECTOR_BYTES).to_le_bytes().to_vec();
        // Largest segment: not offered.
        bytes.extend([0; 4]);
        bytes.extend(MOST_SEGMENTS.to_le_bytes());
        // Geometry and size of blocks: not offered.
        bytes.extend([0; 8]);
        bytes.push(SECTORS_TOGETHER_EXPONENT);
        // Alignment; smallest and best request, in sectors: no wishes.
        bytes.extend([0; 7]);
        bytes
    }

    fn work(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        while let Some(mut chain) = queues.take(REQUESTS)? {
            let written = self.answer(&mut chain);
            queues.give_back_head(REQUESTS, chain.head(), written)?;
        }
        self.piece = Vec::new();
        Ok(())
    }

    fn reset(&mut self) {}

    fn save(&self) -> DeviceData {
        DeviceData::Disk(self.disk.save())
    }

    fn restore(&mut self, data: DeviceData) -> Result<(), StateError> {
        match data {
            DeviceData::Disk(state) => self.disk.restore(state),
            _ => Err(StateError::Content("a disk with the state of another kind")),
        }
    }
}
