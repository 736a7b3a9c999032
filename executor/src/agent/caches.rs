//! Directories that outlive runs, in the machine's root: an overlay each, mounted over the directory of that name when
//! a command needs it, taken apart when the root is left.
//!
//! Knows directories of the store; which version of a cache they are is the executor's affair. What is written into
//! them never reaches the overlays of the root, so it is in no frozen layer.

use super::accounts::ensure_account;
use super::epoch::{Epoch, Ground};
use super::failure::{Doing, Failure};
use super::inside::in_machine;
use super::launch::expand_home;
use super::layers::copy_attributes;
use super::live_copy::{attach, detach, what_is_there};
use super::merge::{Below, disk_bytes, merge};
use super::overlay_mount::OverlayMount;
use super::overlays::{Overlays, has_entries};
use super::protocol::{CachePlace, Found, KeptCache, Reply};
use rustix::fs::{Gid, Uid};
use std::fs;
use std::path::{Path, PathBuf};

/// Directories in a stack before they are made one. Mounting costs a little for each; merging costs a link for each file.
const STACK_LIMIT: usize = 16;

/// Where nothing can be cached: the machine needs its own there.
const REFUSED: [&str; 4] = ["/", "/dev", "/proc", "/sys"];

/// One cache of the machine.
#[derive(Debug)]
struct Cache {
    place: CachePlace,
    /// Bottom first.
    stack: Vec<PathBuf>,
    /// How many directories at the top of the stack the executor hasn't been given.
    fresh: usize,
    /// Takes what is written, while it is mounted.
    upper: Option<PathBuf>,
}

/// The caches of a machine, in the order the executor numbers them.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    caches: Vec<Cache>,
    /// Directories made so far: names them.
    made: u32,
}

impl Caches {
    /// Learns of those that are new.
    pub(crate) fn know(&mut self, places: &[CachePlace]) {
        for place in places.iter().skip(self.caches.len()) {
            let stack = place.layers.iter().map(PathBuf::from).collect();
            self.caches.push(Cache { place: place.clone(), stack, fresh: 0, upper: None });
        }
    }

    /// Mounts those that are not.
    pub(crate) fn ensure(
        &mut self,
        ground: &Ground<'_>,
        epoch: &Epoch,
        overlays: &Overlays,
    ) -> Result<(), Failure> {
        for cache in self.caches.iter_mut().filter(|cache| cache.upper.is_none()) {
            self.made += 1;
            let own = overlays.run_directory().join(format!("cache-{}", self.made));
            cache.upper = Some(mount(cache, &own, ground, epoch, overlays)?);
        }
        Ok(())
    }

    /// The root they were mounted in is gone.
    pub(crate) fn unmounted(&mut self) -> Result<(), Failure> {
        for cache in &mut self.caches {
            if let Some(upper) = cache.upper.take()
                && has_entries(&upper)?
            {
                cache.stack.push(upper);
                cache.fresh += 1;
            }
        }
        Ok(())
    }

    /// Whether one has something to keep.
    pub(crate) fn are_written(&self) -> Result<bool, Failure> {
        for cache in &self.caches {
            if cache.fresh > 0 || cache.upper.as_deref().map_or(Ok(false), has_entries)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Moves what was written to these places, one for each cache. None is mounted.
    pub(crate) fn keep(&mut self, targets: &[PathBuf]) -> Result<Vec<KeptCache>, Failure> {
        let mut kept = Vec::new();
        for (cache, target) in self.caches.iter_mut().zip(targets) {
            kept.push(cache.keep(target)?);
        }
        Ok(kept)
    }
}

impl Cache {
    fn keep(&mut self, target: &Path) -> Result<KeptCache, Failure> {
        let action = || format!("keep what was written to `{}`", self.place.path);
        let kept = match (self.fresh, self.stack.last()) {
            (0, _) | (_, None) => return Ok(KeptCache::Unchanged),
            (1, Some(top)) if self.stack.len() <= STACK_LIMIT => {
                fs::rename(top, target).doing(action)?;
                self.stack.pop();
                KeptCache::Added { bytes: disk_bytes(target) }
            }
            (_, Some(_)) => {
                merge(&self.stack, Below::Nothing, target).doing(action)?;
                self.stack.clear();
                KeptCache::Merged { bytes: disk_bytes(target) }
            }
        };
        self.stack.push(target.to_owned());
        self.fresh = 0;
        Ok(kept)
    }
}

/// Mounts a cache with a new upper directory, which is returned.
fn mount(
    cache: &Cache,
    own: &Path,
    ground: &Ground<'_>,
    epoch: &Epoch,
    overlays: &Overlays,
) -> Result<PathBuf, Failure> {
    let path = &cache.place.path;
    let action = || format!("show the cached directory `{path}`");
    let found = in_machine(ground.proof, ground.inner, epoch.mounts(), || prepare(&cache.place))?;
    let Reply::Resolved { path: target, .. } = found else {
        return Err(Failure::Refused(format!("cannot find `{path}`")));
    };
    let (upper, work, empty) = (own.join("upper"), own.join("work"), own.join("empty"));
    for directory in [own, &upper, &work, &empty] {
        fs::create_dir(directory).doing(action)?;
    }
    let attributes = match cache.stack.last() {
        Some(top) => Some(fs::symlink_metadata(top).doing(action)?),
        None => what_is_there(ground, epoch, overlays, Path::new(target.trim_matches('/'))).1,
    };
    if let Some(attributes) = attributes {
        copy_attributes(&attributes, &upper)?;
    }
    let mut lowers: Vec<PathBuf> = cache.stack.iter().rev().cloned().collect();
    lowers.push(empty);
    let staged = ground.stage.path("live");
    OverlayMount {
        lowers: &ground.short_all(&lowers),
        upper: &ground.short(&upper),
        work: &ground.short(&work),
    }
    .mount_at(&staged)?;
    let detached = detach(&staged).doing(action)?;
    attach(epoch.mounts(), &detached, Path::new(&target)).doing(action)?;
    Ok(upper)
}

/// Inside the machine: the directory, made as its owner's if it is missing, all links followed.
pub(crate) fn prepare(place: &CachePlace) -> Result<Reply, Failure> {
    let account = ensure_account(Path::new("/etc"), &place.owner)?;
    let path = Path::new("/").join(expand_home(&place.path, &account.home));
    let missing = path.ancestors().take_while(|path| !path.exists()).map(Path::to_owned);
    let missing: Vec<PathBuf> = missing.collect();
    fs::create_dir_all(&path)
        .doing(|| format!("make the cached directory `{}`", path.display()))?;
    for made in &missing {
        let owner = (Some(Uid::from_raw(account.user)), Some(Gid::from_raw(account.group)));
        // Where this machine has a single user, everything is that user's already.
        let _ = rustix::fs::chown(made, owner.0, owner.1);
    }
    let found = fs::canonicalize(&path).doing(|| format!("follow `{}`", path.display()))?;
    let text = found.to_str().filter(|text| !is_refused(text));
    let Some(text) = text else {
        return Err(Failure::Refused(format!("`{}` can't be a CACHE", found.display())));
    };
    Ok(Reply::Resolved { path: text.to_owned(), found: Found::Directory })
}

fn is_refused(path: &str) -> bool {
    let path = Path::new(path);
    REFUSED.iter().any(|refused| match *refused {
        "/" => path == Path::new("/"),
        refused => path.starts_with(refused),
    })
}

#[cfg(test)]
mod tests {
    use super::is_refused;

    #[test]
    fn the_machine_keeps_its_own_directories() {
        let refused = ["/", "/dev", "/dev/shm", "/proc/1", "/sys"];
        assert!(refused.iter().all(|path| is_refused(path)));
        assert!(!["/device", "/root/.npm", "/var/cache"].iter().any(|path| is_refused(path)));
    }
}
