//! The machine's root from one mount to the next: mounted when a step needs it, frozen into a layer after it.
//!
//! Owns the upper directories. Knows nothing of commands.

use super::failure::{Doing, Failure};
use super::inner::InnerNamespaces;
use super::layers::{Layers, Part, copy_attributes};
use super::live_copy::Tree;
use super::overlay_mount::OverlayMount;
use super::removal::remove_own_tree;
use super::stage::Stage;
use crate::sys::{SingleThreaded, unshare};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount, unmount};
use rustix::process::pivot_root;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A mounted root.
#[derive(Debug)]
pub(crate) struct Epoch {
    /// Its directory in the run directory.
    directory: PathBuf,
    /// The mount namespace steps run in.
    mounts: OwnedFd,
    /// Overlays that were mounted into it while processes lived, in this order.
    live: Vec<Tree>,
}

/// Whether there was anything to freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Something,
    Nothing,
}

/// What is needed to mount a root.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    /// The store's directory, which is the working directory too: paths below it are given to the kernel relative to
    /// it, since both interfaces limit their length.
    pub(crate) store: &'a Path,
    pub(crate) proof: &'a SingleThreaded,
    pub(crate) stage: &'a Stage,
    pub(crate) inner: &'a InnerNamespaces,
    pub(crate) layers: &'a Layers,
}

impl Ground<'_> {
    /// A path of the store as the kernel is given it.
    pub(crate) fn short(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.store).unwrap_or(path).to_owned()
    }

    /// Several.
    pub(crate) fn short_all(&self, paths: &[PathBuf]) -> Vec<PathBuf> {
        paths.iter().map(|path| self.short(path)).collect()
    }
}

impl Epoch {
    /// Mounts the root over new upper directories in `directory`.
    pub(crate) fn mount(ground: &Ground<'_>, directory: PathBuf) -> Result<Self, Failure> {
        let own =
            File::open("/proc/self/ns/mnt").doing(|| "hold the mount namespace".to_owned())?;
        let working = rustix::fs::open(".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .doing(|| "hold the working directory".to_owned())?;
        make_uppers(ground.layers, &directory)?;
        unshare(ground.proof, UnshareFlags::NEWNS).doing(|| "make a mount namespace".to_owned())?;
        let mounts = build(ground, &directory);
        move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Mount))
            .doing(|| "return to the mount namespace".to_owned())?;
        rustix::process::fchdir(&working).doing(|| "return to the working directory".to_owned())?;
        Ok(Self { directory, mounts: mounts?, live: Vec::new() })
    }

    /// The mount namespace that steps run in.
    pub(crate) fn mounts(&self) -> &OwnedFd {
        &self.mounts
    }

    /// The overlays it is made of, those mounted later last.
    pub(crate) fn trees<'a>(
        &'a self,
        layers: &'a Layers,
    ) -> impl DoubleEndedIterator<Item = Tree> + 'a {
        let of_part = |(place, part): (usize, &Part)| {
            let mut directories = layers.lowers(part);
            directories.insert(0, upper(&self.directory, place));
            Tree { path: part.path.clone(), directories }
        };
        layers.parts().iter().enumerate().map(of_part).chain(self.live.iter().cloned())
    }

    /// An overlay is to be mounted into it: the directory for what is written there.
    pub(crate) fn live_directory(&self) -> PathBuf {
        self.directory.join(format!("live-{}", self.live.len()))
    }

    /// An overlay was mounted into it.
    pub(crate) fn add_tree(&mut self, tree: Tree) {
        self.live.push(tree);
    }

    /// Whether overlays were mounted into it while processes lived.
    pub(crate) fn is_mixed(&self) -> bool {
        !self.live.is_empty()
    }

    /// Whether steps wrote something.
    pub(crate) fn written(&self, layers: &Layers) -> Result<Written, Failure> {
        for place in 0..layers.parts().len() {
            let upper = upper(&self.directory, place);
            let mut entries = fs::read_dir(&upper).doing(|| format!("list {}", upper.display()))?;
            if entries.next().is_some() {
                return Ok(Written::Something);
            }
        }
        Ok(Written::Nothing)
    }

    /// Lets go of the mounts and of what was written.
    pub(crate) fn discard(self) -> Result<(), Failure> {
        drop(self.mounts);
        remove_own_tree(&self.directory).doing(|| format!("remove {}", self.directory.display()))
    }

    /// Lets go of the mounts and makes what was written one tree at `target`. No process may live in them.
    pub(crate) fn freeze(self, layers: &Layers, target: &Path) -> Result<(), Failure> {
        drop(self.mounts);
        let root = upper(&self.directory, 0);
        for (place, part) in layers.parts().iter().enumerate().skip(1) {
            let from = upper(&self.directory, place);
            let entries = fs::read_dir(&from).doing(|| format!("list {}", from.display()))?.count();
            if entries > 0 {
                lead_to(layers, &root, &part.path)?;
                fs::rename(&from, root.join(&part.path))
                    .doing(|| format!("freeze /{}", part.path.display()))?;
            }
        }
        fs::rename(&root, target).doing(|| format!("make the layer {}", target.display()))?;
        remove_own_tree(&self.directory).doing(|| format!("remove {}", self.directory.display()))
    }
}

fn upper(directory: &Path, place: usize) -> PathBuf {
    directory.join(format!("upper-{place}"))
}

fn work(directory: &Path, place: usize) -> PathBuf {
    directory.join(format!("work-{place}"))
}

/// An overlay's root has the attributes of its upper directory, so those get what the lower one has.
fn make_uppers(layers: &Layers, directory: &Path) -> Result<(), Failure> {
    fs::create_dir(directory).doing(|| format!("make {}", directory.display()))?;
    for (place, part) in layers.parts().iter().enumerate() {
        for path in [upper(directory, place), work(directory, place)] {
            fs::create_dir(&path).doing(|| format!("make {}", path.display()))?;
        }
        if let Some(attributes) = layers.attributes(&part.path) {
            copy_attributes(&attributes, &upper(directory, place))?;
        }
    }
    Ok(())
}

/// In a new mount namespace: mounts everything, makes it the root, and gives the inner user namespace a copy.
fn build(ground: &Ground<'_>, directory: &Path) -> Result<OwnedFd, Failure> {
    let root = ground.stage.path("root");
    for (place, part) in ground.layers.parts().iter().enumerate() {
        let short =
            |path: PathBuf| path.strip_prefix(ground.store).map(Path::to_owned).unwrap_or(path);
        let lowers: Vec<PathBuf> = ground.layers.lowers(part).into_iter().map(short).collect();
        let (upper, work) = (short(upper(directory, place)), short(work(directory, place)));
        let mount = OverlayMount { lowers: &lowers, upper: &upper, work: &work };
        if part.path.as_os_str().is_empty() {
            mount.mount_at(&root)?;
        } else {
            // Layers over the base could have put a link where a part goes; the check comes before the mount.
            place_in_root(&root, &part.path)?;
            mount.mount_at(&root.join(&part.path))?;
        }
    }
    for name in ["dev", "proc", "sys"] {
        let target = place_in_root(&root, Path::new(name))?;
        let flags = MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(rustix::fs::CWD, ground.stage.path(name), &target, "", flags)
            .doing(|| format!("put /{name} in place"))?;
    }
    rustix::process::chdir(&root).doing(|| "enter the root".to_owned())?;
    pivot_root(".", ".").doing(|| "make it the root".to_owned())?;
    unmount(".", UnmountFlags::DETACH).doing(|| "leave the host's mounts".to_owned())?;
    ground.inner.lock_mounts(ground.proof)
}

/// A directory of the root, reached without following any link.
fn place_in_root(root: &Path, path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    rustix::fs::open(root, flags, Mode::empty())
        .and_then(|root| openat2(&root, path, flags, Mode::empty(), resolve))
        .map_err(|error| {
            Failure::Refused(format!(
                "the machine has no directory `/{}` any more: {error}",
                path.display()
            ))
        })
}

/// Makes the directories that lead to a part inside a frozen tree, with the attributes they have below it.
fn lead_to(layers: &Layers, root: &Path, part: &Path) -> Result<(), Failure> {
    let parents: Vec<&Path> =
        part.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
    for parent in parents.into_iter().rev() {
        let place = root.join(parent);
        if place.is_dir() {
            continue;
        }
        fs::create_dir(&place).doing(|| format!("make {}", place.display()))?;
        if let Some(attributes) = layers.attributes(parent) {
            copy_attributes(&attributes, &place)?;
        }
    }
    Ok(())
}
