//! Where each page of a guest's memory is on disk. Pages that are nowhere are zero.

use super::pages::PageSet;
use super::stamp::Stamp;
use crate::kvm::layout::PAGE_BYTES;
use crate::kvm::memory::MemorySize;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Most places: each is a mapping of the restored machine, of which a process has 65,530.
const MOST_EXTENTS: usize = 16_384;

/// Most files.
const MOST_FILES: usize = 64;

/// From how many places on a snapshot is written as a whole instead of going on with the chain.
const FOLD_EXTENTS: usize = 4096;

/// The same for files.
const FOLD_FILES: usize = 24;

/// Longest name of a snapshot.
const LONGEST_NAME_BYTES: usize = 128;

/// Pages of a memory file that are consecutive pages of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extent {
    /// First page in the guest's address space.
    pub(super) page: u64,
    /// How many.
    pub(super) count: u64,
    /// Which of the files.
    pub(super) file: u32,
    /// First page in it.
    pub(super) place: u64,
}

impl Extent {
    /// The guest's pages.
    pub(super) fn pages(&self) -> Range<u64> {
        self.page..self.page.saturating_add(self.count)
    }

    /// What is left of it without these pages.
    pub(super) fn without(self, pages: &PageSet) -> impl Iterator<Item = Self> {
        pages.gaps(self.pages()).map(move |left| Self {
            page: left.start,
            count: left.end - left.start,
            place: self.place + (left.start - self.page),
            ..self
        })
    }
}

/// A file with pages, as it was when it was complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemoryFile {
    /// Name of the snapshot that it is of: a directory beside this one.
    pub(super) snapshot: String,
    /// Length.
    pub(super) pages: u64,
    /// What tells its contents.
    pub(super) contents: Contents,
    /// What the file system knew of it: as long as that is the same nobody has written to it.
    pub(super) stamp: Stamp,
}

/// What a memory file must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Contents {
    /// Pages as they were, with this checksum.
    Open(u128),
    /// Encrypted pages, in the file of this number: with the machine's key each of them is what was written, or can't be read.
    Sealed([u8; 32]),
}

/// The whole memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemoryMap {
    /// The files.
    pub(super) files: Vec<MemoryFile>,
    /// By page, without overlaps.
    pub(super) extents: Vec<Extent>,
}

impl MemoryMap {
    /// Whether the next snapshot should have all pages itself.
    pub(super) fn is_long(&self) -> bool {
        self.extents.len() > FOLD_EXTENTS || self.files.len() >= FOLD_FILES
    }

    /// Every page that is somewhere.
    pub(super) fn pages(&self) -> PageSet {
        let mut pages = PageSet::default();
        self.extents.iter().for_each(|extent| pages.add_range(extent.pages()));
        pages
    }

    /// This memory after the pages of `written` were replaced by what is in a new file, whose extents are of file 0.
    pub(super) fn with(&self, written: &PageSet, file: MemoryFile, extents: Vec<Extent>) -> Self {
        let old = self.extents.iter().map(|extent| Extent { file: extent.file + 1, ..*extent });
        let mut all = extents;
        all.extend(old.flat_map(|extent| extent.without(written)));
        all.sort_unstable_by_key(|extent| extent.page);
        let files = std::iter::once(file).chain(self.files.iter().cloned()).collect();
        Self { files, extents: all }.without_unused()
    }

    fn without_unused(self) -> Self {
        let mut numbers = vec![None; self.files.len()];
        let mut kept = Vec::new();
        let mut extents = Vec::new();
        for extent in self.extents {
            let index = extent.file as usize;
            let (Some(number), Some(file)) = (numbers.get_mut(index), self.files.get(index)) else {
                continue;
            };
            let file = *number.get_or_insert_with(|| {
                kept.push(file.clone());
                u32::try_from(kept.len() - 1).unwrap_or(u32::MAX)
            });
            extents.push(Extent { file, ..extent });
        }
        Self { files: kept, extents }
    }

    /// What is wrong with a map that was read, for a guest of this size.
    pub(super) fn fault(&self, size: MemorySize) -> Option<&'static str> {
        if self.files.len() > MOST_FILES || self.extents.len() > MOST_EXTENTS {
            return Some("it names too many places of memory");
        }
        if !self.files.iter().all(|file| is_name(&file.snapshot)) {
            return Some("it names a file that is no neighbour");
        }
        let mut end = 0;
        for extent in &self.extents {
            if extent.page < end || extent.count == 0 || !self.is_in_bounds(extent, size) {
                return Some("its places of memory are not in order");
            }
            end = extent.pages().end;
        }
        None
    }

    fn is_in_bounds(&self, extent: &Extent, size: MemorySize) -> bool {
        let file_pages = self.files.get(extent.file as usize).map_or(0, |file| file.pages);
        let in_file = extent.place.checked_add(extent.count).is_some_and(|end| end <= file_pages);
        let pages = extent.pages();
        in_file
            && page_ranges(size).any(|range| range.start <= pages.start && pages.end <= range.end)
    }
}

/// The guest's memory as pages.
pub(super) fn page_ranges(size: MemorySize) -> impl Iterator<Item = Range<u64>> {
    let ranges = size.ranges().into_iter();
    ranges.map(|(start, length)| start / PAGE_BYTES..(start + length) / PAGE_BYTES)
}

/// Whether this is the name of a directory beside another.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.len() <= LONGEST_NAME_BYTES && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(name: &str) -> MemoryFile {
        let stamp = Stamp::default();
        MemoryFile { snapshot: name.to_owned(), pages: 1000, contents: Contents::Open(0), stamp }
    }

    /// Which file and place each page has.
    fn places(map: &MemoryMap) -> Vec<Option<(String, u64)>> {
        let mut places = vec![None; 300];
        for extent in &map.extents {
            for (step, page) in extent.pages().enumerate() {
                let name = map.files[extent.file as usize].snapshot.clone();
                assert_eq!(places[page as usize], None, "one place for each page");
                places[page as usize] = Some((name, extent.place + step as u64));
            }
        }
        places
    }

    proptest! {
        #[test]
        fn a_chain_has_each_page_where_it_was_written_last(
            writes in proptest::collection::vec(proptest::collection::vec((0..250_u64, 1..30_u64, any::<bool>()), 0..6), 1..8),
        ) {
            let (mut map, mut expected) = (MemoryMap::default(), vec![None; 300]);
            for (number, ranges) in writes.into_iter().enumerate() {
                let name = format!("s{number}");
                let (mut written, mut extents, mut place) = (PageSet::default(), Vec::new(), 0);
                for (start, count, zero) in ranges {
                    if written.runs(start..start + count).next().is_some() { continue }
                    written.add_range(start..start + count);
                    for page in start..start + count {
                        expected[page as usize] = (!zero).then(|| (name.clone(), place + page - start));
                    }
                    if !zero {
                        extents.push(Extent { page: start, count, file: 0, place });
                        place += count;
                    }
                }
                map = map.with(&written, file(&name), extents);
                prop_assert_eq!(&places(&map), &expected);
                prop_assert_eq!(map.fault(MemorySize::from_bytes(2 << 20).unwrap()), None);
                prop_assert!(map.files.len() <= number + 1);
            }
        }
    }
}
