//! Which delta holds which part of a disk.
//!
//! A map of ranges over all deltas of a chain together, so that a read looks once, however long the chain is. Parts
//! that no range covers are the base's. Knows no files.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// Unit in which a disk is divided among deltas: a block of ext4 and a page of memory, so that a guest's writes seldom
/// need the rest of one.
pub(super) const CLUSTER_BYTES: u64 = 4096;

/// Most ranges of a map that is read from a snapshot.
const MOST_RANGES: usize = 4 << 20;

/// A delta by its place in the chain, oldest 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct DeltaNumber(pub(super) u32);

/// Where a part of the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Base,
    Delta(DeltaNumber),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    end: u64,
    by: DeltaNumber,
}

/// The map. Clusters are numbered from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64, u32)>", into = "Vec<(u64, u64, u32)>")]
pub(super) struct Clusters {
    /// By first cluster; ranges don't overlap or touch another of the same delta.
    ranges: BTreeMap<u64, Held>,
}

impl Clusters {
    /// Where `cluster` is, and the first cluster after it that may be elsewhere.
    pub(super) fn find(&self, cluster: u64) -> (Place, u64) {
        if let Some((_, held)) = self.ranges.range(..=cluster).next_back()
            && cluster < held.end
        {
            return (Place::Delta(held.by), held.end);
        }
        let next = self.ranges.range(cluster..).next();
        (Place::Base, next.map_or(u64::MAX, |(start, _)| *start))
    }

    /// From now on a delta holds these.
    pub(super) fn give(&mut self, range: Range<u64>, by: DeltaNumber) {
        if range.is_empty() {
            return;
        }
        let mut range = range;
        self.clear(range.clone());
        if let Some((start, held)) = self.ranges.range(..range.start).next_back()
            && held.end == range.start
            && held.by == by
        {
            range.start = *start;
        }
        if let Some(held) = self.ranges.get(&range.end).copied()
            && held.by == by
        {
            self.ranges.remove(&range.end);
            range.end = held.end;
        }
        self.ranges.insert(range.start, Held { end: range.end, by });
    }

    /// Takes these from whoever holds them.
    fn clear(&mut self, range: Range<u64>) {
        if let Some((start, held)) = self.ranges.range(..range.start).next_back()
            && held.end > range.start
        {
            let (start, held) = (*start, *held);
            self.ranges.insert(start, Held { end: range.start, ..held });
            if held.end > range.end {
                self.ranges.insert(range.end, held);
            }
        }
        let inside: Vec<u64> = self.ranges.range(range.clone()).map(|(start, _)| *start).collect();
        for start in inside {
            if let Some(held) = self.ranges.remove(&start)
                && held.end > range.end
            {
                self.ranges.insert(range.end, held);
            }
        }
    }

    /// How many deltas the map needs at least.
    pub(super) fn deltas(&self) -> u32 {
        self.ranges.values().map(|held| held.by.0.saturating_add(1)).max().unwrap_or(0)
    }

    /// The end of the last range.
    pub(super) fn end(&self) -> u64 {
        self.ranges.last_key_value().map_or(0, |(_, held)| held.end)
    }

    /// What a delta holds.
    pub(super) fn ranges_of(&self, delta: DeltaNumber) -> impl Iterator<Item = Range<u64>> {
        let held = self.ranges.iter().filter(move |(_, held)| held.by == delta);
        held.map(|(start, held)| *start..held.end)
    }

    /// How many clusters a delta holds.
    pub(super) fn held_by(&self, delta: DeltaNumber) -> u64 {
        self.ranges_of(delta).map(|range| range.end - range.start).sum()
    }
}

impl From<Clusters> for Vec<(u64, u64, u32)> {
    fn from(clusters: Clusters) -> Self {
        let mut last = 0;
        let mut written = Self::with_capacity(clusters.ranges.len());
        for (start, held) in clusters.ranges {
            written.push((start - last, held.end - start, held.by.0));
            last = held.end;
        }
        written
    }
}

impl TryFrom<Vec<(u64, u64, u32)>> for Clusters {
    type Error = &'static str;

    fn try_from(written: Vec<(u64, u64, u32)>) -> Result<Self, Self::Error> {
        if written.len() > MOST_RANGES {
            return Err("a disk's map with too many ranges");
        }
        let mut clusters = Self::default();
        let mut last: u64 = 0;
        for (gap, length, by) in written {
            let start = last.checked_add(gap);
            let end = start.and_then(|start| start.checked_add(length)).filter(|_| length > 0);
            let (Some(start), Some(end)) = (start, end) else {
                return Err("a disk's map with an impossible range");
            };
            clusters.give(start..end, DeltaNumber(by));
            last = end;
        }
        Ok(clusters)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clusters, DeltaNumber, Place};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_map_is_what_a_list_of_clusters_would_be(
            gifts in prop::collection::vec((0_u64..64, 0_u64..24, 0_u32..4), 0..40),
        ) {
            let mut clusters = Clusters::default();
            let mut list = [Place::Base; 128];
            for (start, length, by) in gifts {
                clusters.give(start..start + length, DeltaNumber(by));
                list[start as usize..(start + length) as usize].fill(Place::Delta(DeltaNumber(by)));
            }
            for (cluster, place) in (0..).zip(&list) {
                let (found, until) = clusters.find(cluster);
                prop_assert_eq!(found, *place);
                let same = &list[cluster as usize..until.min(128) as usize];
                prop_assert!(!same.is_empty() && same.iter().all(|other| other == place));
            }
            let written = postcard::to_stdvec(&clusters).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Clusters>(&written).unwrap(), clusters);
        }
    }
}
