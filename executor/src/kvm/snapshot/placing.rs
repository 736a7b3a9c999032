//! How the pages of a snapshot come into a machine's memory: mapped where they are many, read where they are few.
//!
//! A guest writes to a few pages all the time. They are written again while it stands still, behind all others, and each
//! leaves its older contents in the middle of a long piece of the file. Mapping the piece in two parts and the page between
//! them takes three mappings; mapping it whole and reading the page over it takes one, and the copy that the guest would need
//! at its first write is made by that. Pure; knows no files.

use super::map::Extent;

/// Most pages of a gap that are read.
const MOST_GAP_PAGES: u64 = 8;

/// Most pages that are read in all: a machine has them for itself, whether or not it writes to them. 1 MiB.
const MOST_READ_PAGES: u64 = 256;

/// What is to be done, one after the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Placing {
    /// To be mapped.
    pub(super) mapped: Vec<Extent>,
    /// To be read over that.
    pub(super) read: Vec<Extent>,
}

/// Of the extents of a map, which are in order.
pub(super) fn placing(extents: &[Extent]) -> Placing {
    let mut placing = Placing::default();
    let mut left = MOST_READ_PAGES;
    let mut rest = extents;
    while let Some((first, behind)) = rest.split_first() {
        let mut piece = *first;
        rest = behind;
        while let Some(gap) = gap_in(&piece, rest) {
            let (filling, behind) = rest.split_at(gap);
            let pages: u64 = filling.iter().map(|extent| extent.count).sum();
            let (Some(other), Some(fewer)) = (behind.first(), left.checked_sub(pages)) else {
                break;
            };
            left = fewer;
            placing.read.extend(filling);
            piece.count = other.pages().end - piece.page;
            rest = behind.get(1..).unwrap_or_default();
        }
        placing.mapped.push(piece);
    }
    placing
}

/// How many of the extents behind a piece fill a gap in it: the one behind them is where it would be if the piece went on.
fn gap_in(piece: &Extent, behind: &[Extent]) -> Option<usize> {
    let start = piece.pages().end;
    let mut end = start;
    for (number, extent) in behind.iter().enumerate() {
        if extent.page != end {
            return None;
        }
        let goes_on = extent.file == piece.file
            && extent.place.checked_sub(piece.place) == Some(extent.page - piece.page);
        if goes_on {
            return Some(number);
        }
        end = extent.pages().end;
        if end - start > MOST_GAP_PAGES {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn extent(page: u64, count: u64, file: u32, place: u64) -> Extent {
        Extent { page, count, file, place }
    }

    #[test]
    fn a_page_that_was_written_again_is_read_over_the_piece_around_it() {
        let extents = [extent(10, 5, 0, 0), extent(15, 1, 0, 90), extent(16, 4, 0, 6)];
        let expected = Placing { mapped: vec![extent(10, 10, 0, 0)], read: vec![extents[1]] };
        assert_eq!(placing(&extents), expected);
    }

    #[test]
    fn what_is_zero_now_is_not_mapped_over() {
        let extents = [extent(10, 5, 0, 0), extent(16, 4, 0, 6)];
        let expected = Placing { mapped: extents.to_vec(), read: Vec::new() };
        assert_eq!(placing(&extents), expected);
    }

    /// Extents in order, often going on where one before them ended.
    fn extents() -> impl Strategy<Value = Vec<Extent>> {
        let one = (0..2_u64, 1..12_u64, 0..2_u32, any::<bool>());
        prop::collection::vec(one, 0..80).prop_map(|pieces| {
            let mut page = 0;
            let mut extents = Vec::new();
            for (number, (gap, count, file, goes_on)) in (0..).zip(pieces) {
                page += gap;
                let place = if goes_on { page } else { 10_000 + 100 * number };
                extents.push(extent(page, count, file, place));
                page += count;
            }
            extents
        })
    }

    fn places(extents: &[Extent]) -> impl Iterator<Item = (u64, (u32, u64))> {
        extents.iter().flat_map(|extent| {
            (0..extent.count).map(|step| (extent.page + step, (extent.file, extent.place + step)))
        })
    }

    proptest! {
        #[test]
        fn each_page_is_what_it_was_and_few_are_read(extents in extents()) {
            let expected: BTreeMap<_, _> = places(&extents).collect();
            let placing = placing(&extents);
            let mapped: BTreeMap<_, _> = places(&placing.mapped).collect();
            prop_assert_eq!(mapped.len(), places(&placing.mapped).count(), "none is mapped twice");
            let found: BTreeMap<_, _> = mapped.into_iter().chain(places(&placing.read)).collect();
            prop_assert_eq!(found, expected);
            prop_assert!(placing.read.iter().map(|extent| extent.count).sum::<u64>() <= MOST_READ_PAGES);
            prop_assert!(placing.mapped.len() + placing.read.len() <= extents.len());
        }
    }
}
