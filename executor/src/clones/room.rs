//! Commits of other repositories as something that takes room. The lock of a repository is held while one is removed,
//! so nobody begins to use it then; a commit that a run shows is locked by that run.

use super::tree_of;
use crate::agent::disk_bytes;
use crate::store::room::{ASIDE, Attempt, Hoard, Kept, KeptKind};
use crate::store::runs::fresh_name;
use crate::store::{StoreError, at};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What was fetched of a repository, beside the trees of its commits.
const OBJECTS: &str = "objects.git";

/// The commits that CLONE brought into a store.
#[derive(Debug)]
pub struct KeptClones {
    root: PathBuf,
}

impl KeptClones {
    /// Those of the store in this directory.
    pub fn of(store_directory: &Path) -> Self {
        Self { root: store_directory.join("clones") }
    }
}

impl Hoard for KeptClones {
    fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let mut found = Vec::new();
        for place in children(&self.root) {
            let mut trees: Vec<Kept> =
                children(&place.join("trees")).filter_map(|tree| look(&place, &tree)).collect();
            // What was fetched goes with the last tree.
            trees.sort_unstable_by_key(|kept| kept.used_at);
            if let Some(last) = trees.last_mut() {
                last.bytes += disk_bytes(&place.join(OBJECTS));
            }
            found.extend(trees);
        }
        Ok(found)
    }

    fn remove(&self, kept: &Kept) -> Result<Attempt, StoreError> {
        let Some((id, commit)) = kept.name.split_once('/') else {
            return Ok(Attempt::Removed(0));
        };
        let place = self.root.join(id);
        let (_lock, use_file) = match locked(&place, commit)? {
            Some(locks) => locks,
            None => return Ok(Attempt::InUse),
        };
        let tree = tree_of(&place, commit);
        let mut freed = disk_bytes(&tree);
        let aside = place.join("trees").join(format!("{ASIDE}{}", fresh_name()));
        fs::rename(&tree, &aside).map_err(at("move aside", &tree))?;
        fs::remove_dir_all(&aside).map_err(at("remove", &aside))?;
        let path = place.join("uses").join(commit);
        fs::remove_file(&path).map_err(at("remove", &path))?;
        drop(use_file);
        if children(&place.join("trees")).next().is_none() {
            let objects = place.join(OBJECTS);
            freed += disk_bytes(&objects);
            let _next_time = fs::remove_dir_all(&objects);
        }
        Ok(Attempt::Removed(freed))
    }
}

fn children(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn look(place: &Path, tree: &Path) -> Option<Kept> {
    let commit = tree.file_name()?.to_str()?;
    if !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // Half made or half removed: the lock says that nobody works on it.
        if File::open(place.join("lock")).is_ok_and(|lock| is_free(&lock)) {
            let _next_time = fs::remove_dir_all(tree);
        }
        return None;
    }
    let used = File::open(place.join("uses").join(commit));
    let used_at = used.as_ref().ok().and_then(|file| file.metadata().ok()?.modified().ok());
    Some(Kept {
        kind: KeptKind::Clone,
        name: format!("{}/{commit}", place.file_name()?.to_str()?),
        bytes: disk_bytes(tree),
        used_at: used_at.unwrap_or(SystemTime::UNIX_EPOCH),
        is_needed: used.is_ok_and(|file| !is_free(&file)),
    })
}

fn is_free(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// The locks of a repository and of one of its commits; `None` if somebody has one of them.
fn locked(place: &Path, commit: &str) -> Result<Option<(File, File)>, StoreError> {
    let open = |path: PathBuf| {
        File::options().create(true).append(true).open(&path).map_err(at("open", &path))
    };
    let lock = open(place.join("lock"))?;
    let use_file = open(place.join("uses").join(commit))?;
    Ok((is_free(&lock) && is_free(&use_file)).then_some((lock, use_file)))
}
