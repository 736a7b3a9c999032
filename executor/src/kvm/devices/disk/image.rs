//! A disk over its files. Offsets are the same in all of them: a delta has each part where the disk has it.
//!
//! Knows no requests and no snapshots; whoever takes one freezes the disk while the machine stands still.

use super::clusters::{CLUSTER_BYTES, Clusters, DeltaNumber, Place};
use super::delta::Delta;
use super::state::DiskState;
use crate::kvm::devices::state::StateError;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a sector, the unit in which drivers count.
pub(super) const SECTOR_BYTES: u64 = 512;

/// Bytes that are copied at a time from one file to another.
const COPIED_BYTES: usize = 256 << 10;

/// Largest disk: sparse files of common file systems can be this long.
const MOST_BYTES: u64 = 1 << 43;

/// The files of a disk.
#[derive(Debug)]
pub struct DiskFiles {
    /// Never written. What is beyond its end reads as zeros.
    pub base: Arc<File>,
    /// Never written any more, oldest first.
    pub frozen: Vec<Delta>,
    /// Empty, open for reading and writing, and nobody else's.
    pub written: Delta,
}

#[derive(Debug)]
struct Inside {
    base: Arc<File>,
    base_bytes: u64,
    deltas: Vec<Delta>,
    clusters: Clusters,
}

/// A disk. Shared by the device and by whoever takes snapshots.
#[derive(Debug)]
pub struct Disk {
    bytes: u64,
    inside: Mutex<Inside>,
}

impl Disk {
    /// A disk of `bytes` (rounded up to whole clusters). Unless a state is restored into it, it is its base.
    ///
    /// # Errors
    /// When it is too large or the base can't be used.
    pub fn new(files: DiskFiles, bytes: u64) -> io::Result<Self> {
        if bytes == 0 || bytes > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a disk of impossible size"));
        }
        let base_bytes = files.base.metadata()?.len();
        let mut deltas = files.frozen;
        deltas.push(files.written);
        let inside = Inside { base: files.base, base_bytes, deltas, clusters: Clusters::default() };
        Ok(Self { bytes: bytes.next_multiple_of(CLUSTER_BYTES), inside: Mutex::new(inside) })
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes in the delta that is being written.
    pub fn written_bytes(&self) -> u64 {
        let inside = self.inside();
        inside.clusters.held_by(inside.written_number()) * CLUSTER_BYTES
    }

    /// Makes the written delta a frozen one, the last of the chain, and goes on with this new file.
    ///
    /// # Errors
    /// When the chain has become too long.
    pub fn freeze(&self, written: Delta) -> io::Result<Delta> {
        let mut inside = self.inside();
        let frozen = inside.written()?;
        inside.deltas.push(written);
        Ok(frozen)
    }

    /// Goes on with this new file in place of the written delta, after what that holds was copied into it.
    ///
    /// # Errors
    /// When it can't be written. The disk is as it was then.
    pub fn move_written(&self, written: Delta) -> io::Result<()> {
        self.inside().move_written(written)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether so many bytes are there.
    pub(super) fn has(&self, offset: u64, length: u64) -> bool {
        offset.checked_add(length).is_some_and(|end| end <= self.bytes)
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        if !self.has(offset, bytes.len() as u64) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.inside().read(offset, bytes)
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if !self.has(offset, bytes.len() as u64) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.inside().write(offset, bytes)
    }

    /// What was written is on disk when this returns.
    ///
    /// # Errors
    /// When it can't be.
    pub fn flush(&self) -> io::Result<()> {
        let written = self.inside().written()?;
        written.file().sync_data()
    }

    pub(super) fn save(&self) -> DiskState {
        DiskState { bytes: self.bytes, clusters: self.inside().clusters.clone() }
    }

    pub(super) fn restore(&self, state: DiskState) -> Result<(), StateError> {
        let mut inside = self.inside();
        if state.bytes != self.bytes || state.clusters.end() > self.bytes / CLUSTER_BYTES {
            return Err(StateError::Content("a disk of another size"));
        }
        // The one that is written now is empty and no part of the state.
        if state.clusters.deltas() as usize >= inside.deltas.len() {
            return Err(StateError::Content("a disk with fewer deltas than it was saved with"));
        }
        inside.clusters = state.clusters;
        Ok(())
    }
}

impl Inside {
    fn written_number(&self) -> DeltaNumber {
        DeltaNumber(u32::try_from(self.deltas.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    fn written(&self) -> io::Result<Delta> {
        self.deltas.last().cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn move_written(&mut self, written: Delta) -> io::Result<()> {
        let number = self.written_number();
        let mut piece = vec![0; COPIED_BYTES];
        for range in self.clusters.ranges_of(number) {
            let end = range.end * CLUSTER_BYTES;
            for offset in (range.start * CLUSTER_BYTES..end).step_by(COPIED_BYTES) {
                let length =
                    usize::try_from(end - offset).unwrap_or(COPIED_BYTES).min(COPIED_BYTES);
                let bytes = piece.get_mut(..length).unwrap_or_default();
                self.read_from(Place::Delta(number), offset, bytes)?;
                written.write_all_at(bytes, offset)?;
            }
        }
        if let Some(last) = self.deltas.last_mut() {
            *last = written;
        }
        Ok(())
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let (mut offset, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (place, until) = self.clusters.find(offset / CLUSTER_BYTES);
            let length = until.saturating_mul(CLUSTER_BYTES).saturating_sub(offset);
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
            let (part, left) = rest.split_at_mut(length);
            self.read_from(place, offset, part)?;
            offset += length as u64;
            rest = left;
        }
        Ok(())
    }

    fn read_from(&self, place: Place, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let Place::Delta(number) = place else {
            let there = self.base_bytes.saturating_sub(offset).min(bytes.len() as u64);
            let there = usize::try_from(there).unwrap_or(usize::MAX);
            let (from_base, beyond) = bytes.split_at_mut(there);
            beyond.fill(0);
            return self.base.read_exact_at(from_base, offset);
        };
        let delta = self.deltas.get(number.0 as usize).ok_or(io::ErrorKind::NotFound)?;
        delta.read_exact_at(bytes, offset)
    }

    /// Clusters that are written in part are completed first.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset + bytes.len() as u64;
        let clusters = offset / CLUSTER_BYTES..end.div_ceil(CLUSTER_BYTES);
        self.complete_around(offset)?;
        self.complete_around(end)?;
        self.written()?.write_all_at(bytes, offset)?;
        self.clusters.give(clusters, self.written_number());
        Ok(())
    }

    /// Copies a cluster into the written delta, if what is going to be written begins or ends inside it and it isn't
    /// there yet.
    fn complete_around(&mut self, edge: u64) -> io::Result<()> {
        let (number, cluster) = (self.written_number(), edge / CLUSTER_BYTES);
        let whole = edge.is_multiple_of(CLUSTER_BYTES);
        if whole || self.clusters.find(cluster).0 == Place::Delta(number) {
            return Ok(());
        }
        let offset = cluster * CLUSTER_BYTES;
        let mut bytes = vec![0; usize::try_from(CLUSTER_BYTES).unwrap_or(0)];
        self.read(offset, &mut bytes)?;
        self.written()?.write_all_at(&bytes, offset)?;
        self.clusters.give(cluster..cluster + 1, number);
        Ok(())
    }
}
