//! What the disk says otherwise than a snapshot, for when nobody reported what changed.
//!
//! Asks again for everything that is known and for nothing else, so the answer is empty when nothing happened.

use super::document::Document;
use super::repository::{CONFIGURATION_NAME, Repository};
use super::snapshot::Snapshot;
use crate::host::Host;
use layerc_compiler::repo_path::RepoPath;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

impl Snapshot {
    /// The paths in the repository at `root` about which the disk says something else than this snapshot; empty if
    /// there is no such repository.
    pub fn differences_from_disk(&self, root: &Path) -> Vec<PathBuf> {
        let Some(repository) = self.repositories.get(root) else { return Vec::new() };
        let differing = differing(repository, self.host(), root);
        differing.iter().map(|path| root.join(path.as_str())).collect()
    }
}

fn differing(repository: &Repository, host: &dyn Host, root: &Path) -> BTreeSet<RepoPath> {
    let mut differing: BTreeSet<RepoPath> = repository.stale_answers().into_iter().collect();
    let on_disk: BTreeSet<RepoPath> = host.layerfiles(root).into_iter().collect();
    let closed = repository.documents().iter().filter(|document| !document.is_open());
    let changed = closed.filter(|document| {
        !on_disk.contains(document.path()) || !is_as_on_disk(document, host, root)
    });
    differing.extend(changed.map(|document| document.path().clone()));
    let is_new = |path: &RepoPath| {
        repository.find(path).is_none() && host.read_text(&root.join(path.as_str())).is_ok()
    };
    differing.extend(on_disk.into_iter().filter(is_new));
    if host.project_settings(root) != *repository.project_settings() {
        differing.extend(RepoPath::new(CONFIGURATION_NAME));
    }
    differing
}

fn is_as_on_disk(document: &Document, host: &dyn Host, root: &Path) -> bool {
    let text = host.read_text(&root.join(document.path().as_str()));
    text.is_ok_and(|text| text == document.text())
}
