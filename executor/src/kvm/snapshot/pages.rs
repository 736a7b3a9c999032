//! Sets of pages of a guest's address space, by number.

use std::ops::Range;

/// Pages of one word.
const WORD_PAGES: u64 = 64;

/// A set of page numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageSet {
    words: Vec<u64>,
}

impl PageSet {
    /// Adds the pages of `bits` that are set; bit 0 of the first word is page `first`, a multiple of 64.
    pub(super) fn add_bitmap(&mut self, first: u64, bits: &[u64]) {
        // A guest's memory is at most 2^28 pages, so everything here fits.
        let start = usize::try_from(first / WORD_PAGES).unwrap_or(usize::MAX);
        let end = start.saturating_add(bits.len());
        if self.words.len() < end {
            self.words.resize(end, 0);
        }
        for (word, more) in self.words.iter_mut().skip(start).zip(bits) {
            *word |= more;
        }
    }

    /// Adds all of a range.
    pub(super) fn add_range(&mut self, range: Range<u64>) {
        let mut page = range.start;
        while page < range.end {
            let first = page - page % WORD_PAGES;
            let end = range.end.min(first + WORD_PAGES);
            let mask = (u64::MAX << (page - first)) & (u64::MAX >> (first + WORD_PAGES - end));
            self.add_bitmap(first, &[mask]);
            page = end;
        }
    }

    /// Adds all of another set.
    pub(super) fn add(&mut self, other: &Self) {
        self.add_bitmap(0, &other.words);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    fn word(&self, index: u64) -> u64 {
        usize::try_from(index).ok().and_then(|index| self.words.get(index)).copied().unwrap_or(0)
    }

    /// The first page from `from` on, below `end`, that is in the set, or with `inverted` all ones, that is not.
    fn next(&self, from: u64, end: u64, inverted: u64) -> u64 {
        let mut page = from;
        while page < end {
            let word =
                (self.word(page / WORD_PAGES) ^ inverted) & (u64::MAX << (page % WORD_PAGES));
            if word != 0 {
                return end.min(page - page % WORD_PAGES + u64::from(word.trailing_zeros()));
            }
            page = page - page % WORD_PAGES + WORD_PAGES;
        }
        end
    }

    /// The longest ranges of pages within `within` that are all in the set, in rising order.
    pub(super) fn runs(&self, within: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        self.alternations(within, 0)
    }

    /// The longest ranges within `within` that have nothing of the set.
    pub(super) fn gaps(&self, within: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        self.alternations(within, u64::MAX)
    }

    fn alternations(&self, within: Range<u64>, inverted: u64) -> impl Iterator<Item = Range<u64>> {
        let mut page = within.start;
        std::iter::from_fn(move || {
            let start = self.next(page, within.end, inverted);
            page = self.next(start, within.end, !inverted);
            (start < within.end).then_some(start..page)
        })
    }

    /// Like [`Self::runs`], with ranges joined where fewer than `least_gap` pages are between them: a few pages too many
    /// cost less than another mapping.
    pub(super) fn joined_runs(&self, within: Range<u64>, least_gap: u64) -> Vec<Range<u64>> {
        let mut joined: Vec<Range<u64>> = Vec::new();
        for run in self.runs(within) {
            match joined.last_mut() {
                Some(last) if run.start - last.end < least_gap => last.end = run.end,
                _ => joined.push(run),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn runs_and_gaps_are_those_of_a_plain_set(
            ranges in proptest::collection::vec((0..400_u64, 0..90_u64), 0..8),
            within in (0..500_u64, 0..300_u64),
        ) {
            let (mut set, mut plain) = (PageSet::default(), BTreeSet::new());
            for (start, length) in ranges {
                set.add_range(start..start + length);
                plain.extend(start..start + length);
            }
            let within = within.0..within.0 + within.1;
            let flat: Vec<u64> = set.runs(within.clone()).flatten().collect();
            let expected: Vec<u64> = within.clone().filter(|page| plain.contains(page)).collect();
            prop_assert_eq!(flat, expected);
            let flat: Vec<u64> = set.gaps(within.clone()).flatten().collect();
            let expected: Vec<u64> = within.clone().filter(|page| !plain.contains(page)).collect();
            prop_assert_eq!(flat, expected);
            for pair in set.joined_runs(within, 4).windows(2) {
                prop_assert!(pair[0].end + 4 <= pair[1].start);
            }
        }
    }
}
