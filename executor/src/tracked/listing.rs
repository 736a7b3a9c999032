//! The names in one directory, sorted, with their kinds.
//!
//! Does not know which names are hidden; the repository leaves those out.

use super::kind::Kind;
use std::collections::BTreeMap;

/// One name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedName {
    pub(super) name: Box<[u8]>,
    pub(super) kind: Kind,
}

/// All names of a directory, sorted by bytes, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    entries: Vec<ListedName>,
}

impl Listing {
    /// Sorts what a directory gave.
    pub(super) fn new(mut entries: Vec<ListedName>) -> Self {
        entries.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        entries.dedup_by(|later, earlier| later.name == earlier.name);
        Self { entries }
    }

    /// Lays directories over each other; of equal names the one of the earlier listing is seen.
    pub(super) fn merged(listings: Vec<Self>) -> Self {
        let mut names = BTreeMap::new();
        for entry in listings.into_iter().flat_map(|listing| listing.entries) {
            names.entry(entry.name).or_insert(entry.kind);
        }
        Self { entries: names.into_iter().map(|(name, kind)| ListedName { name, kind }).collect() }
    }

    pub(super) fn entries(&self) -> &[ListedName] {
        &self.entries
    }
}
