//! One request of a driver: a chain of buffers in the guest's memory, checked before anybody sees it.
//!
//! A chain that leads outside the memory, or has more parts than any honest driver makes, is no request at all.

use crate::kvm::GuestMemory;
use std::io::{self, Read, Write};
use virtio_queue::{DescriptorChain, Reader, Writer};
use vm_memory::GuestAddress;
use vm_memory::bitmap::{AtomicBitmap, RefSlice};

/// Most buffers of one chain, whether in the queue or in a table of their own.
const MOST_BUFFERS: usize = 1024;

type Bits<'memory> = RefSlice<'memory, AtomicBitmap>;

/// What the driver wrote for the device, and where it wants its answer.
pub(super) struct Chain<'memory> {
    head: u16,
    descriptors: DescriptorChain<&'memory GuestMemory>,
    reader: Reader<'memory, Bits<'memory>>,
    writer: Writer<'memory, Bits<'memory>>,
}

impl std::fmt::Debug for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Chain")
            .field("head", &self.head)
            .field("readable", &self.readable_bytes())
            .field("writable", &self.writable_bytes())
            .finish()
    }
}

impl<'memory> Chain<'memory> {
    /// `None` if it is not one.
    pub(super) fn check(
        memory: &'memory GuestMemory,
        chain: DescriptorChain<&'memory GuestMemory>,
    ) -> Option<Self> {
        let head = chain.head_index();
        if chain.clone().take(MOST_BUFFERS + 1).count() > MOST_BUFFERS {
            return None;
        }
        let reader = chain.clone().reader(memory).ok()?;
        let writer = chain.clone().writer(memory).ok()?;
        Some(Self { head, descriptors: chain, reader, writer })
    }

    /// Its number, by which it is given back.
    pub(super) fn head(&self) -> u16 {
        self.head
    }

    /// The places of its room, start and length, as the driver has them now: it can change them at any time, so
    /// whoever uses one checks it.
    pub(super) fn places(&self) -> impl Iterator<Item = (GuestAddress, u64)> {
        let places = self.descriptors.clone().writable().take(MOST_BUFFERS);
        places.map(|descriptor| (descriptor.addr(), u64::from(descriptor.len())))
    }

    /// Bytes the driver wrote that were not read yet.
    pub(super) fn readable_bytes(&self) -> usize {
        self.reader.available_bytes()
    }

    /// Bytes of room that are left for the answer.
    pub(super) fn writable_bytes(&self) -> usize {
        self.writer.available_bytes()
    }

    /// Bytes of the answer so far. A chain is never longer than 4 GiB.
    pub(super) fn written_bytes(&self) -> u32 {
        u32::try_from(self.writer.bytes_written()).unwrap_or(u32::MAX)
    }

    /// Reads exactly `N` bytes.
    ///
    /// # Errors
    /// When the driver wrote less.
    pub(super) fn read_array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads all that is left, up to `limit` bytes.
    ///
    /// # Errors
    /// When there is more than that.
    pub(super) fn read_rest(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let length = self.readable_bytes();
        if length > limit {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads exactly as much as fits.
    ///
    /// # Errors
    /// When the driver wrote less.
    pub(super) fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.reader.read_exact(bytes)
    }

    /// Adds to the answer.
    ///
    /// # Errors
    /// When there is no room for all of it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    /// Cuts the last `length` bytes of the answer's room off, to be written first or last: status bytes are there.
    pub(super) fn split_end(&mut self, length: usize) -> Option<Ending<'memory>> {
        let before = self.writer.available_bytes().checked_sub(length)?;
        self.writer.split_at(before).ok().map(|writer| Ending { writer })
    }
}

/// The end of an answer's room.
pub(super) struct Ending<'memory> {
    writer: Writer<'memory, Bits<'memory>>,
}

impl Ending<'_> {
    /// Writes it.
    ///
    /// # Errors
    /// When there is no room for all of it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }
}
