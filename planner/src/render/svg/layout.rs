//! Boxes and links to places on a plane: columns from left to right, every link leading to a later column.
//!
//! The layered method of Sugiyama, Tagawa and Toda in four passes: columns by longest path, one track through every
//! column that a link crosses (links of one box share it), order within columns by barycentre, heights by isotonic
//! regression towards the neighbours. Knows nothing of plans or SVG. Same input, same places.

use std::collections::BTreeMap;

/// Horizontal space between columns, where links bend.
const COLUMN_GAP: f64 = 72.0;
/// Vertical space between boxes of one column.
const ROW_GAP: f64 = 18.0;
/// Height of the track of a link through a column.
const TRACK_HEIGHT: f64 = 6.0;
/// Passes over the columns, there and back, that order and then align them. More change nothing visible.
const SWEEPS: usize = 6;

/// A box to place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Where links leave and, unless they say otherwise, arrive: distance below the top.
    pub(super) port: f64,
}

/// A link from one box to another, by their indices. `from` must come before `to`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Where a box is: its upper left corner.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) left: f64,
    pub(super) top: f64,
}

/// A stretch of a link through a column that it crosses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Track {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) height: f64,
}

/// Places for everything.
#[derive(Debug)]
pub(super) struct Layout {
    /// By index of the box.
    pub(super) places: Vec<Place>,
    /// By index of the link: the columns it crosses, left to right.
    pub(super) tracks: Vec<Vec<Track>>,
    /// Of everything.
    pub(super) width: f64,
    /// Of everything.
    pub(super) height: f64,
}

/// One thing in a column: a box or a track.
#[derive(Debug, Clone, Copy)]
struct Item {
    block: Block,
    column: usize,
    /// Top of the block.
    top: f64,
}

/// Everything while it is being placed. Items `0..blocks` are the boxes, the rest tracks.
struct Arrangement {
    items: Vec<Item>,
    /// Items of each column, top to bottom.
    columns: Vec<Vec<usize>>,
    /// Neighbours one column to the left and to the right.
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
    /// By link: the tracks it takes.
    link_tracks: Vec<Vec<usize>>,
}

/// Places the boxes; the links' order of boxes must be one in which no link leads back.
pub(super) fn layout(blocks: &[Block], links: &[Link]) -> Layout {
    let mut arrangement = Arrangement::new(blocks, links);
    for sweep in 0..SWEEPS {
        arrangement.sweep(sweep, Arrangement::order_column);
    }
    arrangement.stack();
    for sweep in 0..SWEEPS {
        arrangement.sweep(sweep, Arrangement::align_column);
    }
    arrangement.into_layout(blocks.len())
}

/// The column of each box: one behind the last of whatever it needs.
fn columns_of(blocks: &[Block], links: &[Link]) -> Vec<usize> {
    let mut incoming: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for link in links {
        incoming.entry(link.to).or_default().push(link.from);
    }
    let mut columns: Vec<usize> = vec![0; blocks.len()];
    for index in 0..blocks.len() {
        let needed =
            incoming.get(&index).into_iter().flatten().filter_map(|from| columns.get(*from));
        let column = needed.max().map_or(0, |column| column + 1);
        if let Some(slot) = columns.get_mut(index) {
            *slot = column;
        }
    }
    columns
}

#[expect(
    clippy::indexing_slicing,
    reason = "all lists have one entry for each item, made together with it"
)]
impl Arrangement {
    fn new(blocks: &[Block], links: &[Link]) -> Self {
        let columns = columns_of(blocks, links);
        let count = columns.iter().max().map_or(0, |last| last + 1);
        let mut arrangement = Self {
            items: Vec::new(),
            columns: vec![Vec::new(); count],
            left: Vec::new(),
            right: Vec::new(),
            link_tracks: Vec::new(),
        };
        for (block, column) in blocks.iter().zip(&columns) {
            arrangement.add(*block, *column);
        }
        let mut shared: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for link in links {
            arrangement.connect(*link, &mut shared);
        }
        arrangement
    }

    fn add(&mut self, block: Block, column: usize) -> usize {
        let index = self.items.len();
        self.items.push(Item { block, column, top: 0.0 });
        self.columns[column].push(index);
        self.left.push(Vec::new());
        self.right.push(Vec::new());
        index
    }

    /// Lays a link through the columns between its ends, on tracks that its box may have there already.
    fn connect(&mut self, link: Link, shared: &mut BTreeMap<(usize, usize), usize>) {
        let mut tracks = Vec::new();
        let mut previous = link.from;
        for column in self.items[link.from].column + 1..self.items[link.to].column {
            let track = Block { width: 0.0, height: TRACK_HEIGHT, port: TRACK_HEIGHT / 2.0 };
            let item = match shared.get(&(link.from, column)) {
                Some(item) => *item,
                None => {
                    let item = self.add(track, column);
                    shared.insert((link.from, column), item);
                    self.join(previous, item);
                    item
                }
            };
            tracks.push(item);
            previous = item;
        }
        self.join(previous, link.to);
        self.link_tracks.push(tracks);
    }

    fn join(&mut self, from: usize, to: usize) {
        self.right[from].push(to);
        self.left[to].push(from);
    }

    /// One pass over the columns: to the right looking left, or the other way round.
    fn sweep(&mut self, number: usize, work: fn(&mut Self, usize, &[Vec<usize>])) {
        let (left, right) = (std::mem::take(&mut self.left), std::mem::take(&mut self.right));
        if number.is_multiple_of(2) {
            (1..self.columns.len()).for_each(|column| work(self, column, &left));
        } else {
            (0..self.columns.len().saturating_sub(1))
                .rev()
                .for_each(|column| work(self, column, &right));
        }
        (self.left, self.right) = (left, right);
    }

    /// Sorts a column by the mean rank of each item's neighbours; items without neighbours keep their rank.
    fn order_column(&mut self, column: usize, neighbours: &[Vec<usize>]) {
        let mut ranks: Vec<f64> = vec![0.0; self.items.len()];
        for column in &self.columns {
            for (rank, item) in column.iter().enumerate() {
                ranks[*item] = rank as f64;
            }
        }
        let key = |item: usize| {
            mean(neighbours[item].iter().map(|other| ranks[*other])).unwrap_or(ranks[item])
        };
        let mut keyed: Vec<(f64, usize)> =
            self.columns[column].iter().map(|item| (key(*item), *item)).collect();
        keyed.sort_by(|left, right| left.0.total_cmp(&right.0));
        self.columns[column] = keyed.into_iter().map(|(_, item)| item).collect();
    }

    /// Puts the items of each column below each other.
    fn stack(&mut self) {
        for column in &self.columns {
            let mut top = 0.0;
            for item in column {
                self.items[*item].top = top;
                top += self.items[*item].block.height + ROW_GAP;
            }
        }
    }

    /// Moves the items of a column as near to level with their neighbours as their order and sizes allow.
    fn align_column(&mut self, column: usize, neighbours: &[Vec<usize>]) {
        let members = std::mem::take(&mut self.columns[column]);
        let mut offset = 0.0;
        let mut offsets = Vec::with_capacity(members.len());
        let mut wishes = Vec::with_capacity(members.len());
        for &item in &members {
            let ports = neighbours[item]
                .iter()
                .map(|other| self.items[*other].top + self.items[*other].block.port);
            let top =
                mean(ports).map_or(self.items[item].top, |port| port - self.items[item].block.port);
            wishes.push(top - offset);
            offsets.push(offset);
            offset += self.items[item].block.height + ROW_GAP;
        }
        for ((item, offset), level) in members.iter().zip(offsets).zip(isotonic(&wishes)) {
            self.items[*item].top = level + offset;
        }
        self.columns[column] = members;
    }

    fn into_layout(self, blocks: usize) -> Layout {
        let highest = self.items.iter().map(|item| item.top).fold(f64::INFINITY, f64::min);
        let lowest = self.items.iter().map(|item| item.top + item.block.height).fold(0.0, f64::max);
        let widest = |column: &Vec<usize>| {
            column.iter().map(|item| self.items[*item].block.width).fold(0.0, f64::max)
        };
        let mut lefts = vec![0.0];
        for column in &self.columns {
            lefts.push(lefts[lefts.len() - 1] + widest(column) + COLUMN_GAP);
        }
        let place = |item: &Item| Place { left: lefts[item.column], top: item.top - highest };
        let track = |index: &usize| {
            let item = self.items[*index];
            let right = lefts[item.column + 1] - COLUMN_GAP;
            Track { left: lefts[item.column], right, height: item.top - highest + item.block.port }
        };
        Layout {
            places: self.items.iter().take(blocks).map(place).collect(),
            tracks: self
                .link_tracks
                .iter()
                .map(|tracks| tracks.iter().map(track).collect())
                .collect(),
            width: (lefts[lefts.len() - 1] - COLUMN_GAP).max(0.0),
            height: (lowest - highest).max(0.0),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The non-decreasing sequence nearest to `wishes` by least squares (pool adjacent violators).
fn isotonic(wishes: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for &wish in wishes {
        let mut pool = (wish, 1);
        while let Some((sum, count)) =
            pools.pop_if(|(sum, count)| *sum / *count as f64 > pool.0 / pool.1 as f64)
        {
            pool = (pool.0 + sum, pool.1 + count);
        }
        pools.push(pool);
    }
    pools
        .into_iter()
        .flat_map(|(sum, count)| std::iter::repeat_n(sum / count as f64, count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Block, Link, isotonic, layout};
    use proptest::prelude::*;

    #[test]
    fn levels_rise_and_stay_near() {
        assert_eq!(isotonic(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(isotonic(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
        assert_eq!(isotonic(&[]), [] as [f64; 0]);
    }

    proptest! {
        #[test]
        fn nothing_overlaps_and_links_lead_right(
            heights in proptest::collection::vec(10_u16..200, 0..20),
            pairs in proptest::collection::vec((0_usize..20, 0_usize..20), 0..40),
        ) {
            let blocks: Vec<Block> =
                heights.iter().map(|h| Block { width: 50.0, height: f64::from(*h), port: 5.0 }).collect();
            let links: Vec<Link> = pairs
                .into_iter()
                .filter(|(from, to)| from < to && *to < blocks.len())
                .map(|(from, to)| Link { from, to })
                .collect();
            let layout = layout(&blocks, &links);
            for link in &links {
                prop_assert!(layout.places[link.from].left + 50.0 < layout.places[link.to].left);
            }
            for (index, (place, block)) in layout.places.iter().zip(&blocks).enumerate() {
                prop_assert!(place.top >= 0.0 && place.top + block.height <= layout.height + 0.001);
                for (other, height) in layout.places.iter().zip(&blocks).skip(index + 1).map(|(p, b)| (p, b.height)) {
                    let apart = place.left != other.left
                        || place.top + block.height <= other.top + 0.001
                        || other.top + height <= place.top + 0.001;
                    prop_assert!(apart, "{place:?} and {other:?}");
                }
            }
        }
    }
}
