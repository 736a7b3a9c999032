//! COPY in a machine whose processes live on: an overlay over the destination, the repository's files over what is there.
//!
//! The parts that are written are on the machine's disk. Files are really copied, which counts as reading them.

use super::super::failure::{Doing, Failure};
use super::super::layers::copy_attributes;
use super::super::live_copy::{make_directories, read_content, visible, write_copy};
use super::super::overlay_mount::{OverlayMount, Tree};
use super::super::protocol::LiveEntry;
use super::root::REPOSITORY;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the written parts are.
const WRITTEN: &str = "/var/lib/layerc/copies";

/// The overlays of all COPY so far, oldest first.
#[derive(Debug, Default)]
pub(super) struct Copies {
    trees: Vec<Tree>,
}

impl Copies {
    /// Shows a layer of the repository's mount.
    pub(super) fn add(&mut self, layer: &str, entries: &[LiveEntry]) -> Result<(), Failure> {
        let layer = Path::new(REPOSITORY).join(layer);
        let mut covered: Vec<PathBuf> = Vec::new();
        let (directories, files): (Vec<_>, Vec<_>) =
            entries.iter().partition(|entry| entry.is_directory);
        for path in directories.into_iter().map(LiveEntry::below_root) {
            if !covered.iter().any(|other| path.starts_with(other)) {
                self.cover(&layer, &path)?;
                covered.push(path);
            }
        }
        for path in files.into_iter().map(LiveEntry::below_root) {
            if !covered.iter().any(|other| path.starts_with(other)) {
                place_copy(&layer, &path)?;
            }
        }
        Ok(())
    }

    /// Mounts an overlay over a directory. Over the root it can't be: there, what the layer has is shown one by one.
    fn cover(&mut self, layer: &Path, path: &Path) -> Result<(), Failure> {
        if path.as_os_str().is_empty() {
            return self.cover_each(layer);
        }
        let target = Path::new("/").join(path);
        let action = || format!("copy to `{}`", target.display());
        make_directories(&target).doing(action)?;
        let attributes = fs::metadata(&target).doing(action)?;
        let mut directories = vec![layer.join(path)];
        directories.extend(self.what_is_there(path));
        let place = Path::new(WRITTEN).join(self.trees.len().to_string());
        let (upper, work) = (place.join("upper"), place.join("work"));
        for directory in [&upper, &work] {
            fs::create_dir_all(directory).doing(action)?;
        }
        copy_attributes(&attributes, &upper)?;
        OverlayMount { lowers: &directories, upper: &upper, work: &work }.mount_at(&target)?;
        directories.insert(0, upper);
        self.trees.push(Tree { path: path.to_owned(), directories });
        Ok(())
    }

    fn cover_each(&mut self, layer: &Path) -> Result<(), Failure> {
        let action = || "copy to `/`".to_owned();
        for entry in fs::read_dir(layer).doing(action)? {
            let entry = entry.doing(action)?;
            let path = PathBuf::from(entry.file_name());
            if entry.file_type().doing(action)?.is_dir() {
                self.cover(layer, &path)?;
            } else {
                place_copy(layer, &path)?;
            }
        }
        Ok(())
    }

    /// The directories that make up one, top first. Overlays are told apart, since the kernel stacks only two.
    fn what_is_there(&self, path: &Path) -> Vec<PathBuf> {
        let covering = self.trees.iter().rev();
        let mut covering =
            covering.filter_map(|tree| Some((tree, path.strip_prefix(&tree.path).ok()?)));
        match covering.next() {
            Some((tree, rest)) => visible(&tree.directories, rest),
            None => vec![Path::new("/").join(path)],
        }
    }
}

fn place_copy(layer: &Path, path: &Path) -> Result<(), Failure> {
    let target = Path::new("/").join(path);
    let action = || format!("copy to `{}`", target.display());
    let content = read_content(&layer.join(path)).doing(action)?;
    write_copy(content, &target).doing(action)
}
