//! The repository as the run driver sees it: kinds and names beside fingerprints.

use super::answers;
use super::kind::Kind;
use super::repository::Repository;
use crate::read_set::{Fingerprint, Question, TrackedPath};
use crate::repository_view::{EntryKind, RepositoryView};
use std::io;
use std::path::Path;

impl RepositoryView for Repository {
    fn kind(&self, path: &TrackedPath) -> io::Result<Option<EntryKind>> {
        Ok(self.examine(path)?.map(|facts| match facts.kind {
            Kind::Directory => EntryKind::Directory,
            Kind::File | Kind::Link => EntryKind::Other,
        }))
    }

    fn names(&self, directory: &TrackedPath) -> io::Result<Vec<Vec<u8>>> {
        let is_directory = self.kind(directory)? == Some(EntryKind::Directory);
        let opened =
            if is_directory { self.open_inside(directory, Kind::Directory)? } else { None };
        let Some(opened) = opened else { return Ok(Vec::new()) };
        Ok(self.list(&opened)?.entries().iter().map(|listed| listed.name.to_vec()).collect())
    }

    fn show(&self, name: &[u8], tree: &Path) -> io::Result<()> {
        self.show_tree(name, tree)
    }

    fn absent(&self, _: Question) -> Fingerprint {
        answers::absent()
    }
}
