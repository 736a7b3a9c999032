//! One of the files of a disk: as it is, or encrypted.

use super::clusters::CLUSTER_BYTES;
use crate::kvm::Secrecy;
use crate::sealing::{BLOCK_BYTES, SealedBlocks};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

const _: () =
    assert!(BLOCK_BYTES as u64 == CLUSTER_BYTES, "what is written together is encrypted together");

/// What a disk has beyond its base. Offsets are those of the disk.
#[derive(Debug, Clone)]
pub enum Delta {
    /// A sparse file as long as the disk.
    Open(Arc<File>),
    /// Encrypted clusters.
    Sealed(SealedBlocks),
}

impl Delta {
    /// Begins a new one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(file: File, secrecy: &Secrecy) -> io::Result<Self> {
        Ok(match secrecy {
            Secrecy::Open => Self::Open(Arc::new(file)),
            Secrecy::Sealed(key) => Self::Sealed(SealedBlocks::begin(file, key)?),
        })
    }

    /// One that was begun.
    ///
    /// # Errors
    /// When it has another key, or is none.
    pub fn open(file: File, secrecy: &Secrecy) -> io::Result<Self> {
        let file = Arc::new(file);
        Ok(match secrecy {
            Secrecy::Open => Self::Open(file),
            Secrecy::Sealed(key) => Self::Sealed(SealedBlocks::open(file, key)?),
        })
    }

    /// Its file.
    pub const fn file(&self) -> &Arc<File> {
        match self {
            Self::Open(file) => file,
            Self::Sealed(blocks) => blocks.file(),
        }
    }

    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Open(file) => file.read_exact_at(bytes, offset),
            Self::Sealed(blocks) => blocks.read_at(bytes, offset),
        }
    }

    /// Clusters that are filled in part are there already.
    pub(in crate::kvm) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Open(file) => file.write_all_at(bytes, offset),
            Self::Sealed(blocks) => blocks.write_at(bytes, offset),
        }
    }
}

impl From<File> for Delta {
    fn from(file: File) -> Self {
        Self::Open(Arc::new(file))
    }
}
