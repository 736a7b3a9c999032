//! COPY into a root that processes live in, which can't be mounted anew.
//!
//! A directory becomes an overlay of its own, mounted over the destination: the repository's files over what is there.
//! Processes that had files open below keep the old ones. A file is really copied, which counts as reading it. A root
//! with such mounts can't be frozen any more: there is no order of layers that would give the same.

use super::epoch::{Epoch, Ground};
use super::failure::{Doing, Failure};
use super::inside::in_machine;
use super::layers::copy_attributes;
use super::overlay_mount::{OverlayMount, Tree};
use super::overlays::Overlays;
use super::protocol::{LiveEntry, Reply};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, UnmountFlags, move_mount, open_tree, unmount};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Shows a layer of the repository's mount in a live root.
pub(crate) fn copy_into(
    ground: &Ground<'_>,
    epoch: &mut Epoch,
    overlays: &Overlays,
    layer: &str,
    entries: &[LiveEntry],
) -> Result<(), Failure> {
    let served = ground.stage.repository_layer(layer);
    let (covered, files) = covered_and_placed(entries);
    if covered.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(Failure::Refused(
            "cannot copy over `/` while processes run in the machine".to_owned(),
        ));
    }
    covered.iter().try_for_each(|path| cover(ground, epoch, overlays, &served, path))?;
    for path in files {
        let mut sources = served.iter().map(|directory| directory.join(&path));
        let source = sources.find(|source| source.symlink_metadata().is_ok());
        let Some(source) = source else {
            let text = format!("`/{}` is gone from the repository", path.display());
            return Err(Failure::Refused(text));
        };
        place_copy(ground, epoch, &source, &path)?;
    }
    Ok(())
}

/// The directories that a COPY covers, and the files that it puts in place one by one. What is below a covered directory is
/// shown with that.
pub(crate) fn covered_and_placed(entries: &[LiveEntry]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (directories, files): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.is_directory);
    // Those that hold others first.
    let directories: BTreeSet<PathBuf> =
        directories.into_iter().map(LiveEntry::below_root).collect();
    let mut covered: Vec<PathBuf> = Vec::new();
    for path in directories {
        if !covered.iter().any(|other| path.starts_with(other)) {
            covered.push(path);
        }
    }
    let files = files.into_iter().map(LiveEntry::below_root);
    let placed = files.filter(|path| !covered.iter().any(|other| path.starts_with(other)));
    let placed = placed.collect();
    (covered, placed)
}

/// What an overlay lies over: directories, top first, and the attributes of what they show.
type Below = (Vec<PathBuf>, Option<fs::Metadata>);

/// Mounts an overlay over a directory, and over each directory in it that an earlier COPY had covered.
fn cover(
    ground: &Ground<'_>,
    epoch: &mut Epoch,
    overlays: &Overlays,
    served: &[PathBuf],
    path: &Path,
) -> Result<(), Failure> {
    let covered = covered_below(epoch.live(), path).into_iter().map(|path| {
        let below = what_is_there(ground, epoch, overlays, &path);
        (path, below)
    });
    let covered: Vec<(PathBuf, Below)> = covered.collect();
    let target = Path::new("/").join(path);
    in_machine(ground.proof, ground.inner, epoch.mounts(), || {
        make_directories(&target).doing(|| format!("copy to `{}`", target.display()))?;
        Ok(Reply::Done)
    })?;
    let below = what_is_there(ground, epoch, overlays, path);
    lay(ground, epoch, overlays, served, path, below)?;
    for (path, below) in covered {
        lay(ground, epoch, overlays, served, &path, below)?;
    }
    Ok(())
}

/// Directories in one that overlays were mounted over, those that hold others first.
pub(crate) fn covered_below(trees: &[Tree], path: &Path) -> BTreeSet<PathBuf> {
    let paths = trees.iter().map(|tree| tree.path.clone());
    paths.filter(|other| other.starts_with(path) && other != path).collect()
}

/// Mounts an overlay of what is served over what is below.
fn lay(
    ground: &Ground<'_>,
    epoch: &mut Epoch,
    overlays: &Overlays,
    served: &[PathBuf],
    path: &Path,
    (mut directories, attributes): Below,
) -> Result<(), Failure> {
    let target = Path::new("/").join(path);
    let action = || format!("copy to `{}`", target.display());
    let shown = served.iter().map(|directory| directory.join(path)).filter(|path| path.is_dir());
    directories.splice(0..0, shown);
    let place = overlays.run_directory().join(format!("live-{}", epoch.live().len()));
    let (upper, work) = (place.join("upper"), place.join("work"));
    for directory in [&place, &upper, &work] {
        fs::create_dir(directory).doing(action)?;
    }
    if let Some(attributes) = attributes {
        copy_attributes(&attributes, &upper)?;
    }
    let staged = ground.stage.path("live");
    OverlayMount {
        lowers: &ground.short_all(&directories),
        upper: &ground.short(&upper),
        work: &ground.short(&work),
    }
    .mount_at(&staged)?;
    let detached = detach(&staged).doing(action)?;
    attach(epoch.mounts(), &detached, &target).doing(action)?;
    directories.insert(0, upper);
    epoch.add_live(Tree { path: path.to_owned(), directories });
    Ok(())
}

/// A copy of a mount that is nowhere, in place of the one at `staged`.
pub(crate) fn detach(staged: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let detached = open_tree(rustix::fs::CWD, staged, flags)?;
    unmount(staged, UnmountFlags::DETACH)?;
    Ok(detached)
}

/// Attaches a mount in the machine's mount namespace. `target` has no link on the way.
pub(crate) fn attach(mounts: &OwnedFd, mount: &OwnedFd, target: &Path) -> io::Result<()> {
    let own = File::open("/proc/self/ns/mnt")?;
    let working = rustix::fs::open(".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    move_into_link_name_space(mounts.as_fd(), Some(LinkNameSpaceType::Mount))?;
    let attached =
        move_mount(mount, "", rustix::fs::CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH);
    move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Mount))?;
    rustix::process::fchdir(&working)?;
    Ok(attached?)
}

/// The directories that make up a directory of the live root, top first, and its attributes.
pub(crate) fn what_is_there(
    ground: &Ground<'_>,
    epoch: &Epoch,
    overlays: &Overlays,
    path: &Path,
) -> Below {
    let of_parts = overlays.trees(ground.layers);
    let trees = of_parts.iter().chain(epoch.live());
    let tree =
        trees.rev().find_map(|tree| Some((path.strip_prefix(&tree.path).ok()?.to_owned(), tree)));
    let Some((rest, tree)) = tree else { return (Vec::new(), None) };
    let directories = visible(&tree.directories, &rest);
    let attributes = directories.first().and_then(|directory| fs::metadata(directory).ok());
    (directories, attributes)
}

/// Of these directories of an overlay, top first, what is visible of the directory `rest` in each.
pub(crate) fn visible(directories: &[PathBuf], rest: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories {
        let mut place = directory.clone();
        let mut hides = false;
        let mut is_there = true;
        for name in rest {
            place.push(name);
            match fs::symlink_metadata(&place) {
                Ok(metadata) if metadata.is_dir() => hides |= is_opaque(&place),
                // A whiteout, or something else that is not a directory: what lies below is not seen.
                Ok(_) => (hides, is_there) = (true, false),
                Err(_) => is_there = false,
            }
            if !is_there {
                break;
            }
        }
        if is_there {
            found.push(place);
        }
        if hides {
            break;
        }
    }
    found
}

pub(crate) fn is_opaque(directory: &Path) -> bool {
    let mut value = [0; 1];
    matches!(rustix::fs::getxattr(directory, "user.overlay.opaque", &mut value), Ok(1))
        && value == *b"y"
}

/// What a copied file is.
pub(crate) enum Content {
    File(File, u32),
    Link(PathBuf),
}

/// Opens what is to be copied.
pub(crate) fn read_content(source: &Path) -> io::Result<Content> {
    let metadata = fs::symlink_metadata(source)?;
    Ok(if metadata.is_symlink() {
        Content::Link(fs::read_link(source)?)
    } else {
        Content::File(File::open(source)?, metadata.mode())
    })
}

fn place_copy(
    ground: &Ground<'_>,
    epoch: &Epoch,
    source: &Path,
    path: &Path,
) -> Result<(), Failure> {
    let target = Path::new("/").join(path);
    let action = || format!("copy to `{}`", target.display());
    // Opened before the machine is entered: the repository's mount is not visible in there.
    let content = read_content(source).doing(action)?;
    in_machine(ground.proof, ground.inner, epoch.mounts(), || {
        write_copy(content, &target).doing(action)?;
        Ok(Reply::Done)
    })
    .map(|_| ())
}

/// Puts it in place of whatever is there.
pub(crate) fn write_copy(content: Content, target: &Path) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        make_directories(parent)?;
    }
    match fs::remove_file(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    match content {
        Content::Link(to) => std::os::unix::fs::symlink(to, target),
        Content::File(mut source, mode) => {
            let mut file = File::create_new(target)?;
            io::copy(&mut source, &mut file)?;
            file.set_permissions(fs::Permissions::from_mode(mode & 0o1777))
        }
    }
}

/// `mkdir -p`, for everybody to enter.
pub(crate) fn make_directories(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_directories_are_not_visible() {
        let root = tempfile::tempdir().unwrap();
        let layer = |name: &str| root.path().join(name);
        for path in ["top", "middle/a/b", "low/a/b", "low/c", "low/d"] {
            fs::create_dir_all(root.path().join(path)).unwrap();
        }
        fs::write(layer("middle/c"), "").unwrap();
        let layers = [layer("top"), layer("middle"), layer("low")];
        assert_eq!(visible(&layers, Path::new("a/b")), [layer("middle/a/b"), layer("low/a/b")]);
        assert_eq!(visible(&layers, Path::new("c")), [] as [PathBuf; 0]);
        assert_eq!(visible(&layers, Path::new("d")), [layer("low/d")]);
        if rustix::fs::setxattr(
            layer("middle/a"),
            "user.overlay.opaque",
            b"y",
            rustix::fs::XattrFlags::empty(),
        )
        .is_ok()
        {
            assert_eq!(visible(&layers, Path::new("a/b")), [layer("middle/a/b")]);
        } else {
            println!("SKIPPED: the temporary directory takes no extended attributes");
        }
    }
}
