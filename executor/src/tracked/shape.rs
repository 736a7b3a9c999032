//! Where COPY's entries appear in one layer: the made-up directories on the way, and what stands at their ends.
//!
//! Knows machine paths and repository paths; looks at neither.

use crate::backend::CopiedFiles;
use crate::read_set::TrackedPath;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A repository path shown at some place. Of several at one place, the one of highest rank is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Position of its entry in the COPY.
    pub(super) rank: usize,
    pub(super) path: TrackedPath,
}

impl Source {
    /// The same entry, one name further down.
    pub(super) fn join(&self, name: &[u8]) -> Self {
        Self { rank: self.rank, path: self.path.join(name) }
    }
}

/// A place in the layer that some entry's machine path names or leads through.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// Entries exactly here, highest rank first.
    pub(super) sources: Vec<Source>,
    /// Places below.
    pub(super) children: BTreeMap<Vec<u8>, Arc<Shape>>,
    /// Highest rank of an entry below; `None` when there is none.
    pub(super) rank_below: Option<usize>,
}

impl Shape {
    /// The shape of a COPY's layer.
    ///
    /// # Errors
    /// When a machine path is not absolute and normalised.
    pub(super) fn of(files: &CopiedFiles) -> io::Result<Self> {
        let mut root = Self::default();
        for (rank, entry) in files.entries.iter().enumerate() {
            let names = machine_names(&entry.machine_path)?;
            let path = TrackedPath::new(entry.repository_path.as_bytes());
            root.insert(&names, Source { rank, path });
        }
        Ok(root)
    }

    fn insert(&mut self, names: &[&str], source: Source) {
        let Some((first, rest)) = names.split_first() else {
            self.sources.insert(0, source);
            return;
        };
        self.rank_below = self.rank_below.max(Some(source.rank));
        let child = self.children.entry(first.as_bytes().to_vec()).or_default();
        Arc::make_mut(child).insert(rest, source);
    }
}

fn machine_names(path: &str) -> io::Result<Vec<&str>> {
    let refused = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the machine path `{path}` is not absolute and normalised"),
        )
    };
    let inner = path.strip_prefix('/').ok_or_else(refused)?;
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = inner.strip_suffix('/').unwrap_or(inner).split('/').collect();
    if names.iter().any(|name| matches!(*name, "" | "." | "..")) {
        return Err(refused());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::{Shape, machine_names};
    use crate::backend::{CopiedEntry, CopiedFiles};

    fn shape(entries: &[(&str, &str)]) -> Shape {
        let entry = |&(repository_path, machine_path): &(&str, &str)| CopiedEntry {
            repository_path: repository_path.to_owned(),
            machine_path: machine_path.to_owned(),
        };
        Shape::of(&CopiedFiles { entries: entries.iter().map(entry).collect() }).unwrap()
    }

    #[test]
    fn machine_paths_are_absolute_and_normalised() {
        assert_eq!(machine_names("/").unwrap(), [""; 0]);
        assert_eq!(machine_names("/a/b/").unwrap(), ["a", "b"]);
        for refused in ["", "a", "~", "//", "/a//b", "/a/../b", "/.", "/a/b/.."] {
            assert!(machine_names(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn later_entries_come_first_and_outrank_what_leads_to_earlier_ones() {
        let root = shape(&[("one", "/d"), ("two", "/d"), ("three", "/d/sub")]);
        assert!(root.sources.is_empty());
        assert_eq!(root.rank_below, Some(2));
        let directory = &root.children[b"d".as_slice()];
        let paths: Vec<_> =
            directory.sources.iter().map(|source| source.path.to_string()).collect();
        assert_eq!(paths, ["two", "one"]);
        assert_eq!(directory.rank_below, Some(2));
        let sub = &directory.children[b"sub".as_slice()];
        assert_eq!((sub.sources.len(), sub.rank_below), (1, None));
    }

    #[test]
    fn a_source_s_names_are_joined_from_the_repository_s_root_too() {
        let root = shape(&[("", "/")]);
        let below = root.sources[0].join(b"a");
        assert_eq!(below.path.as_bytes(), b"a");
        assert_eq!(below.join(b"b").path.as_bytes(), b"a/b");
    }
}
