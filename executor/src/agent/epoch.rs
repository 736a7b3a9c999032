//! The machine's root from one mount to the next: put together when a step needs it, let go when it is frozen.
//!
//! Knows nothing of commands, nor of what the overlays are made of.

use super::failure::{Doing, Failure};
use super::inner::InnerNamespaces;
use super::layers::Layers;
use super::overlay_mount::Tree;
use super::stage::Stage;
use crate::sys::{SingleThreaded, unshare};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount, unmount};
use rustix::process::pivot_root;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A root that steps run in.
#[derive(Debug)]
pub(crate) struct Epoch {
    /// Their mount namespace.
    mounts: OwnedFd,
    /// Overlays that were mounted into it while processes lived, in this order.
    live: Vec<Tree>,
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
    /// Puts a root together from the overlays and what else is on the stage, in a mount namespace of its own.
    pub(crate) fn assemble(ground: &Ground<'_>) -> Result<Self, Failure> {
        let own =
            File::open("/proc/self/ns/mnt").doing(|| "hold the mount namespace".to_owned())?;
        let working = rustix::fs::open(".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .doing(|| "hold the working directory".to_owned())?;
        unshare(ground.proof, UnshareFlags::NEWNS).doing(|| "make a mount namespace".to_owned())?;
        let mounts = build(ground);
        move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Mount))
            .doing(|| "return to the mount namespace".to_owned())?;
        rustix::process::fchdir(&working).doing(|| "return to the working directory".to_owned())?;
        Ok(Self { mounts: mounts?, live: Vec::new() })
    }

    /// The mount namespace that steps run in.
    pub(crate) fn mounts(&self) -> &OwnedFd {
        &self.mounts
    }

    /// Overlays that were mounted into it while processes lived, in this order.
    pub(crate) fn live(&self) -> &[Tree] {
        &self.live
    }

    /// An overlay was mounted into it.
    pub(crate) fn add_live(&mut self, tree: Tree) {
        self.live.push(tree);
    }
}

/// In a new mount namespace: makes the overlays the root, and gives the inner user namespace a copy.
fn build(ground: &Ground<'_>) -> Result<OwnedFd, Failure> {
    let root = ground.stage.part(0)?;
    let parts = ground.layers.parts().iter().enumerate().skip(1);
    for (place, part) in parts {
        put(&ground.stage.part(place)?, &root, &part.path)?;
    }
    for name in ["dev", "proc", "sys"] {
        put(&ground.stage.path(name), &root, Path::new(name))?;
    }
    rustix::process::chdir(&root).doing(|| "enter the root".to_owned())?;
    pivot_root(".", ".").doing(|| "make it the root".to_owned())?;
    unmount(".", UnmountFlags::DETACH).doing(|| "leave the host's mounts".to_owned())?;
    ground.inner.lock_mounts(ground.proof)
}

/// Moves a mount of the stage into the root.
fn put(staged: &Path, root: &Path, path: &Path) -> Result<(), Failure> {
    let target = place_in_root(root, path)?;
    let flags = MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(rustix::fs::CWD, staged, &target, "", flags)
        .doing(|| format!("put /{} in place", path.display()))
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
