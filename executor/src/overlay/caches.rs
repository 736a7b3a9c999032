//! The caches of one machine: opened when a command needs them, numbered for the agent, handed on when kept.

use super::failure::Doing;
use super::identities::Identities;
use super::removal::Removal;
use crate::agent::protocol::{CachePlace, KeptCache};
use crate::backend::{BackendError, CacheMount};
use crate::caches::{CacheUse, Caches, Publication};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The caches of the store in a directory, for looking after them. Directories are removed at once.
///
/// # Errors
/// When the store can't be written.
pub fn caches_of(store_directory: &Path, agent_program: PathBuf) -> Result<Caches, BackendError> {
    let removal = Removal { agent_program, identities: Identities::of_this_process() };
    let discard = move |directory: PathBuf| {
        // What can't be removed harms nobody; whoever opens the store next tries again.
        let _ = removal.remove_tree(&directory);
    };
    let caches =
        Caches::new(store_directory, Arc::new(discard)).doing(|| "open the caches".to_owned())?;
    caches.sweep();
    Ok(caches)
}

#[derive(Debug)]
struct OpenCache {
    mount: CacheMount,
    used: CacheUse,
    place: CachePlace,
    /// Where the next directory goes.
    target: Option<PathBuf>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct MachineCaches {
    caches: Caches,
    open: Vec<OpenCache>,
}

impl MachineCaches {
    pub(super) fn new(caches: Caches) -> Self {
        Self { caches, open: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// All caches of the machine, these among them.
    pub(super) fn places(
        &mut self,
        mounts: &[CacheMount],
    ) -> Result<Vec<CachePlace>, BackendError> {
        for mount in mounts {
            if !self.open.iter().any(|open| open.mount.name == mount.name) {
                self.open(mount)?;
            }
        }
        Ok(self.open.iter().map(|open| open.place.clone()).collect())
    }

    fn open(&mut self, mount: &CacheMount) -> Result<(), BackendError> {
        let path = &mount.name.path;
        let used = self.caches.open(&mount.name).doing(|| format!("open the cache `{path}`"))?;
        let layers = used.layers().iter().map(|path| path.to_string_lossy().into_owned()).collect();
        let place = CachePlace { path: path.clone(), owner: mount.owner.clone(), layers };
        self.open.push(OpenCache { mount: mount.clone(), used, place, target: None });
        Ok(())
    }

    /// Where what was written is to go, for each.
    pub(super) fn targets(&mut self) -> Result<Vec<String>, BackendError> {
        let target = |open: &mut OpenCache| {
            let target = match open.target.take() {
                Some(target) => target,
                None => open.used.new_layer().doing(|| "make room in a cache".to_owned())?,
            };
            let text = target.to_string_lossy().into_owned();
            open.target = Some(target);
            Ok(text)
        };
        self.open.iter_mut().map(target).collect()
    }

    /// Takes note of what became of each; the new versions.
    pub(super) fn take(&mut self, kept: &[KeptCache]) -> Vec<Publication> {
        let mut publications = Vec::new();
        for (open, kept) in self.open.iter_mut().zip(kept) {
            let Some(target) = open.target.as_ref().filter(|_| *kept != KeptCache::Unchanged)
            else {
                continue;
            };
            match *kept {
                KeptCache::Unchanged => {}
                KeptCache::Added { bytes } => open.used.add(target, bytes),
                KeptCache::Merged { bytes } => open.used.replace(target, bytes),
            }
            open.target = None;
            publications.push(open.used.publication());
        }
        publications
    }
}
