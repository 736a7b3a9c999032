//! A memory file while it is written: pages of the guest, those that are zero left out.

use super::map::{Contents, Extent};
use super::pages::PageSet;
use crate::kvm::Secrecy;
use crate::kvm::error::MachineError;
use crate::kvm::layout::PAGE_BYTES;
use crate::kvm::memory::GuestMemory;
use crate::sealing::{BLOCK_BYTES, SealedBlocks};
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use vm_memory::{Bytes, GuestAddress};

/// Pages read from the guest at once.
const CHUNK_PAGES: usize = 64;

/// Most bytes held back while a guest stands still, to be written when it runs again.
const HELD_BYTES: usize = 256 << 20;

/// One page.
const PAGE: usize = PAGE_BYTES as usize;

const _: () = assert!(PAGE == BLOCK_BYTES, "a page is encrypted by itself");

/// A page of zeros to compare with.
static ZERO: [u8; PAGE] = [0; PAGE];

/// Whether what is added goes to disk at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// At once: the guest runs.
    Write,
    /// Later, if it isn't too much: the guest waits.
    Hold,
}

/// The file.
#[derive(Debug)]
pub(super) struct Sink {
    target: Target,
    held: Vec<u8>,
    pages: u64,
    seen: PageSet,
    extents: Vec<Extent>,
}

/// Where pages go, one behind the other.
#[derive(Debug)]
enum Target {
    Open { file: File, hasher: Box<blake3::Hasher> },
    Sealed { blocks: SealedBlocks, next: u64 },
}

impl Target {
    fn new(file: File, secrecy: &Secrecy) -> io::Result<Self> {
        Ok(match secrecy {
            Secrecy::Open => Self::Open { file, hasher: Box::default() },
            Secrecy::Sealed(key) => {
                Self::Sealed { blocks: SealedBlocks::begin(file, key)?, next: 0 }
            }
        })
    }

    fn write(&mut self, pages: &[u8]) -> io::Result<()> {
        match self {
            Self::Open { file, hasher } => {
                hasher.update(pages);
                file.write_all(pages)
            }
            Self::Sealed { blocks, next } => {
                pages.chunks(CHUNK_PAGES * PAGE).try_for_each(|chunk| {
                    blocks.write(*next, chunk)?;
                    *next += (chunk.len() / PAGE) as u64;
                    Ok(())
                })
            }
        }
    }

    fn finish(self) -> (Arc<File>, Contents) {
        match self {
            Self::Open { file, hasher } => {
                (Arc::new(file), Contents::Open(*hasher.finalize().as_bytes()))
            }
            Self::Sealed { blocks, .. } => {
                (Arc::clone(blocks.file()), Contents::Sealed(*blocks.number()))
            }
        }
    }
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Written {
    /// Complete.
    pub(super) file: Arc<File>,
    /// What tells its contents.
    pub(super) contents: Contents,
    /// Its length.
    pub(super) pages: u64,
    /// Which pages of the guest were added, zero or not.
    pub(super) seen: PageSet,
    /// Where those are that are not zero, by page; the last where one was added twice.
    pub(super) extents: Vec<Extent>,
}

fn writing() -> impl FnOnce(std::io::Error) -> MachineError {
    MachineError::system("write a machine's memory")
}

impl Sink {
    /// A new file.
    pub(super) fn new(file: File, secrecy: &Secrecy) -> Result<Self, MachineError> {
        Ok(Self {
            target: Target::new(file, secrecy).map_err(writing())?,
            held: Vec::new(),
            pages: 0,
            seen: PageSet::default(),
            extents: Vec::new(),
        })
    }

    /// Adds pages as they are now.
    pub(super) fn add(
        &mut self,
        memory: &GuestMemory,
        run: Range<u64>,
        pace: Pace,
    ) -> Result<(), MachineError> {
        self.replace(&run);
        let mut buffer = vec![0; CHUNK_PAGES * PAGE];
        let mut page = run.start;
        while page < run.end {
            let count = (run.end - page).min(CHUNK_PAGES as u64);
            let length = usize::try_from(count * PAGE_BYTES).unwrap_or_default();
            let bytes = buffer.get_mut(..length).unwrap_or_default();
            memory
                .read_slice(bytes, GuestAddress(page * PAGE_BYTES))
                .map_err(|error| MachineError::Memory(error.to_string()))?;
            self.add_chunk(page, bytes, pace)?;
            page += count;
        }
        Ok(())
    }

    /// What was added of these pages before no longer counts.
    fn replace(&mut self, run: &Range<u64>) {
        if self.seen.runs(run.clone()).next().is_some() {
            let mut again = PageSet::default();
            again.add_range(run.clone());
            self.extents = self.extents.iter().flat_map(|extent| extent.without(&again)).collect();
        }
        self.seen.add_range(run.clone());
    }

    fn add_chunk(&mut self, first: u64, bytes: &[u8], pace: Pace) -> Result<(), MachineError> {
        let mut page = first;
        for part in
            bytes.chunks(PAGE).collect::<Vec<_>>().chunk_by(|a, b| (**a == ZERO) == (**b == ZERO))
        {
            let count = part.len() as u64;
            if part.first().is_some_and(|page| **page != ZERO) {
                self.append(page, count, &part.concat(), pace)?;
            }
            page += count;
        }
        Ok(())
    }

    fn append(
        &mut self,
        page: u64,
        count: u64,
        bytes: &[u8],
        pace: Pace,
    ) -> Result<(), MachineError> {
        match self.extents.last_mut() {
            Some(last) if last.pages().end == page && last.place + last.count == self.pages => {
                last.count += count;
            }
            _ => self.extents.push(Extent { page, count, file: 0, place: self.pages }),
        }
        self.pages += count;
        self.held.extend_from_slice(bytes);
        match pace {
            Pace::Hold if self.held.len() <= HELD_BYTES => Ok(()),
            Pace::Hold | Pace::Write => self.release(),
        }
    }

    /// Writes what was held back.
    fn release(&mut self) -> Result<(), MachineError> {
        let written = self.target.write(&self.held);
        self.held.clear();
        written.map_err(writing())
    }

    /// The complete file.
    pub(super) fn finish(mut self) -> Result<Written, MachineError> {
        self.release()?;
        self.extents.sort_unstable_by_key(|extent| extent.page);
        let (file, contents) = self.target.finish();
        Ok(Written { file, contents, pages: self.pages, seen: self.seen, extents: self.extents })
    }
}
