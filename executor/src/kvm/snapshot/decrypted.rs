//! Encrypted memory as it was, in memory alone: a file that is on no disk, which nobody can change any more and which
//! any number of machines map. Only pages that the snapshot shows are deciphered, so it takes no more than the machine had.

use super::map::{Extent, MemoryFile};
use super::unusable;
use crate::kvm::error::MachineError;
use crate::kvm::layout::PAGE_BYTES;
use crate::sealing::{Key, SealedBlocks};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Bytes deciphered at a time.
const PIECE_BYTES: usize = 1 << 20;

/// The file at `path`, as far as `shown` is of it.
pub(super) fn decrypted<'map>(
    path: &Path,
    expected: &MemoryFile,
    number: &[u8; 32],
    key: &Key,
    shown: impl Iterator<Item = &'map Extent>,
) -> Result<File, MachineError> {
    let broken = |error: io::Error| unusable(path, error);
    let file = Arc::new(File::open(path).map_err(broken)?);
    let blocks = SealedBlocks::open(Arc::clone(&file), key).map_err(broken)?;
    if blocks.number() != number {
        return Err(unusable(path, "it is another file than was written there"));
    }
    if SealedBlocks::file_bytes(expected.pages) != Some(file.metadata().map_err(broken)?.len()) {
        return Err(unusable(path, "it is cut short or has bytes too many"));
    }
    let making = || MachineError::system("make room in memory for a machine's memory");
    let memory = in_memory("memory", expected.pages * PAGE_BYTES).map_err(making())?;
    let mut piece = vec![0; PIECE_BYTES];
    for extent in shown {
        let end = (extent.place + extent.count) * PAGE_BYTES;
        for offset in (extent.place * PAGE_BYTES..end).step_by(PIECE_BYTES) {
            let length = usize::try_from(end - offset).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let bytes = piece.get_mut(..length).unwrap_or_default();
            blocks.read_at(bytes, offset).map_err(broken)?;
            memory.write_all_at(bytes, offset).map_err(making())?;
        }
    }
    // Machines share it, and one that was taken over must not write to what others see.
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&memory, seals).map_err(io::Error::from).map_err(making())?;
    Ok(memory)
}

/// A file of this length that is on no disk.
pub(super) fn in_memory(name: &str, bytes: u64) -> io::Result<File> {
    let file = File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.set_len(bytes)?;
    Ok(file)
}
