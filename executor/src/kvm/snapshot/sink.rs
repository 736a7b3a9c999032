//! A memory file while it is written: pages of the guest, those that are zero left out.

use super::checksum::Checksum;
use super::map::{Contents, Extent};
use super::pages::PageSet;
use crate::kvm::Secrecy;
use crate::kvm::error::MachineError;
use crate::kvm::layout::PAGE_BYTES;
use crate::kvm::memory::GuestMemory;
use crate::sealing::{BLOCK_BYTES, SealedBlocks};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use vm_memory::{Bytes, GuestAddress};

/// Pages read from the guest at once.
const CHUNK_PAGES: usize = 64;

/// Most bytes held back.
const HELD_BYTES: usize = 256 << 20;

/// From how many zero pages on they are left out: each such gap is one more piece of memory to be mapped when a machine is
/// restored, which costs as much as a few pages on disk are worth.
const LEAST_ZERO_PAGES: usize = 8;

/// One page.
const PAGE: usize = PAGE_BYTES as usize;

const _: () = assert!(PAGE == BLOCK_BYTES, "a page is encrypted by itself");

/// A page of zeros to compare with.
static ZERO: [u8; PAGE] = [0; PAGE];

/// Whether what is added goes to disk at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// At once.
    Write,
    /// At the end, if it isn't too much: the guest waits, or may write to it again.
    Hold,
}

/// The file.
#[derive(Debug)]
pub(super) struct Sink {
    target: Target,
    /// What is read from the guest on its way to the file. Kept, since memory that was never touched is slow the first time.
    buffer: Vec<u8>,
    /// Pages that wait for the end, in runs,
    held: Vec<u8>,
    /// and where they are in there, by the first of each run.
    waiting: BTreeMap<u64, Waiting>,
    pages: u64,
    seen: PageSet,
    extents: Vec<Extent>,
}

/// A run of pages that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    count: u64,
    /// Its first byte in what is held.
    at: usize,
}

/// Where pages go, one behind the other.
#[derive(Debug)]
enum Target {
    Open { file: File, checksum: Checksum },
    Sealed { blocks: SealedBlocks, next: u64 },
}

impl Target {
    fn new(file: File, secrecy: &Secrecy) -> io::Result<Self> {
        Ok(match secrecy {
            Secrecy::Open => Self::Open { file, checksum: Checksum::default() },
            Secrecy::Sealed(key) => {
                Self::Sealed { blocks: SealedBlocks::begin(file, key)?, next: 0 }
            }
        })
    }

    fn write(&mut self, pages: &[u8]) -> io::Result<()> {
        match self {
            Self::Open { file, checksum } => {
                checksum.add(pages);
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
            Self::Open { file, checksum } => (Arc::new(file), Contents::Open(checksum.value())),
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

fn byte_count(pages: u64) -> usize {
    usize::try_from(pages * PAGE_BYTES).unwrap_or(usize::MAX)
}

/// Fills it with pages of the guest from this one on.
fn read(memory: &GuestMemory, first: u64, bytes: &mut [u8]) -> Result<(), MachineError> {
    memory
        .read_slice(bytes, GuestAddress(first * PAGE_BYTES))
        .map_err(|error| MachineError::Memory(error.to_string()))
}

/// How many pages at the front are zero.
fn zero_pages(pages: &[u8]) -> usize {
    pages.chunks(PAGE).take_while(|page| **page == ZERO).count()
}

/// How many pages at the front are not zero, or stand between such with few that are.
fn pages_to_write(pages: &[u8]) -> usize {
    let (mut count, mut zeros) = (0, 0);
    for page in pages.chunks(PAGE) {
        if *page == ZERO {
            zeros += 1;
            if zeros == LEAST_ZERO_PAGES {
                break;
            }
        } else {
            count += zeros + 1;
            zeros = 0;
        }
    }
    count
}

impl Sink {
    /// A new file.
    pub(super) fn new(file: File, secrecy: &Secrecy) -> Result<Self, MachineError> {
        Ok(Self {
            target: Target::new(file, secrecy).map_err(writing())?,
            buffer: vec![0; CHUNK_PAGES * PAGE],
            held: Vec::new(),
            waiting: BTreeMap::new(),
            pages: 0,
            seen: PageSet::default(),
            extents: Vec::new(),
        })
    }

    /// Makes room for so many pages more that will be held back.
    pub(super) fn expect(&mut self, pages: u64) {
        let held = self.held.len();
        // Written to, so that the system has given the room before the guest waits for it.
        self.held.resize((held + byte_count(pages)).min(HELD_BYTES).max(held), 1);
        self.held.truncate(held);
    }

    /// Adds pages as they are now.
    pub(super) fn add(
        &mut self,
        memory: &GuestMemory,
        run: Range<u64>,
        pace: Pace,
    ) -> Result<(), MachineError> {
        let length = byte_count(run.end - run.start);
        match pace {
            Pace::Hold if self.held.len() + length <= HELD_BYTES => {
                self.replace(&run);
                self.hold(memory, run)
            }
            Pace::Hold | Pace::Write => {
                // What waits is older.
                self.release()?;
                self.replace(&run);
                self.write(memory, run)
            }
        }
    }

    fn hold(&mut self, memory: &GuestMemory, run: Range<u64>) -> Result<(), MachineError> {
        let mut page = run.start;
        while page < run.end {
            let Waiting { count, at } = self.place(page..run.end);
            let bytes = self.held.get_mut(at..at + byte_count(count)).unwrap_or_default();
            read(memory, page, bytes)?;
            page += count;
        }
        Ok(())
    }

    /// Where the first of these pages waits already, or from now on, and how many of those behind it do so there too.
    fn place(&mut self, pages: Range<u64>) -> Waiting {
        let Range { start: page, end } = pages;
        if let Some((first, run)) = self.waiting.range(..=page).next_back()
            && page < first + run.count
        {
            let count = end.min(first + run.count) - page;
            return Waiting { count, at: run.at + byte_count(page - first) };
        }
        let next = self.waiting.range(page..).next().map_or(end, |(first, _)| *first);
        let new = Waiting { count: next.min(end) - page, at: self.held.len() };
        self.held.resize(new.at + byte_count(new.count), 0);
        self.waiting.insert(page, new);
        new
    }

    fn write(&mut self, memory: &GuestMemory, run: Range<u64>) -> Result<(), MachineError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut page = run.start;
        while page < run.end {
            let count = (run.end - page).min(CHUNK_PAGES as u64);
            let bytes = buffer.get_mut(..byte_count(count)).unwrap_or_default();
            read(memory, page, bytes)?;
            self.append_all(page, bytes)?;
            page += count;
        }
        self.buffer = buffer;
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

    /// Writes what of these pages is not zero.
    fn append_all(&mut self, first: u64, bytes: &[u8]) -> Result<(), MachineError> {
        let (mut page, mut rest) = (first, bytes);
        while let Some(next) = rest.get(..PAGE) {
            let are_zero = *next == ZERO;
            let count = if are_zero { zero_pages(rest) } else { pages_to_write(rest) };
            let (part, others) = rest.split_at(count * PAGE);
            if !are_zero {
                self.append(page, count as u64, part)?;
            }
            page += count as u64;
            rest = others;
        }
        Ok(())
    }

    fn append(&mut self, page: u64, count: u64, bytes: &[u8]) -> Result<(), MachineError> {
        match self.extents.last_mut() {
            Some(last) if last.pages().end == page && last.place + last.count == self.pages => {
                last.count += count;
            }
            _ => self.extents.push(Extent { page, count, file: 0, place: self.pages }),
        }
        self.pages += count;
        self.target.write(bytes).map_err(writing())
    }

    /// Writes what was held back.
    fn release(&mut self) -> Result<(), MachineError> {
        let held = std::mem::take(&mut self.held);
        for (first, Waiting { count, at }) in std::mem::take(&mut self.waiting) {
            self.append_all(first, held.get(at..at + byte_count(count)).unwrap_or_default())?;
        }
        Ok(())
    }

    /// The complete file.
    pub(super) fn finish(mut self) -> Result<Written, MachineError> {
        self.release()?;
        self.extents.sort_unstable_by_key(|extent| extent.page);
        let (file, contents) = self.target.finish();
        Ok(Written { file, contents, pages: self.pages, seen: self.seen, extents: self.extents })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kvm::memory::{MemorySize, empty_memory};
    use proptest::prelude::*;
    use std::os::unix::fs::FileExt;

    const PAGES: usize = 100;

    /// Some pages, what the guest has in each of them by then, and how they are added.
    fn additions() -> impl Strategy<Value = Vec<(Range<u64>, u8, Pace)>> {
        let pace = prop_oneof![Just(Pace::Write), Just(Pace::Hold)];
        let addition = (0..PAGES as u64, 1..20_u64, 0..4_u8, pace);
        let addition = addition.prop_map(|(first, count, value, pace)| {
            (first..(first + count).min(PAGES as u64), value, pace)
        });
        prop::collection::vec(addition, 1..12)
    }

    proptest! {
        #[test]
        fn the_last_that_was_added_of_each_page_is_what_the_file_has(additions in additions()) {
            let memory = empty_memory(MemorySize::from_bytes(64 << 20).unwrap()).unwrap();
            let file = tempfile::tempfile().unwrap();
            let mut sink = Sink::new(file.try_clone().unwrap(), &Secrecy::Open).unwrap();
            let mut expected = [None; PAGES];
            for (run, value, pace) in additions {
                for page in run.clone() {
                    memory.write_slice(&[value; PAGE], GuestAddress(page * PAGE_BYTES)).unwrap();
                    expected[usize::try_from(page).unwrap()] = Some(value);
                }
                sink.expect(run.end - run.start);
                sink.add(&memory, run, pace).unwrap();
            }
            let written = sink.finish().unwrap();
            let mut found = [None; PAGES];
            for page in written.seen.runs(0..PAGES as u64).flatten() {
                found[usize::try_from(page).unwrap()] = Some(0);
            }
            for Extent { page, count, place, .. } in written.extents {
                for number in 0..count {
                    let mut bytes = [0; PAGE];
                    file.read_exact_at(&mut bytes, (place + number) * PAGE_BYTES).unwrap();
                    prop_assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                    found[usize::try_from(page + number).unwrap()] = Some(bytes[0]);
                }
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(file.metadata().unwrap().len(), written.pages * PAGE_BYTES);
        }
    }
}
