//! Tells whether a file of pages is still what was written: XXH3 of 128 bits.
//!
//! Against broken disks and bad copies, not against people: who can write to such a file can write to the record of its
//! checksum too, so nothing would be won by a hash that takes longer.

use std::fmt;
use std::io::{self, Write};
use twox_hash::xxhash3_128::Hasher;

/// Of the bytes that were written to it.
pub(super) struct Checksum(Box<Hasher>);

impl Default for Checksum {
    fn default() -> Self {
        Self(Box::new(Hasher::new()))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Checksum({:032x})", self.value())
    }
}

impl Checksum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    pub(super) fn value(&self) -> u128 {
        self.0.finish_128()
    }
}

impl Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
