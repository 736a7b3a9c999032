//! COPY in a machine whose processes live on: an overlay over the destination, the repository's files over what is there.
//!
//! The parts that are written are on the machine's disk. Files are really copied, which counts as reading them.

use super::super::failure::{Doing, Failure};
use super::super::layers::copy_attributes;
use super::super::live_copy::{
    covered_and_placed, covered_below, is_opaque, make_directories, read_content, visible,
    write_copy,
};
use super::super::overlay_mount::{OverlayMount, Tree};
use super::super::protocol::LiveEntry;
use super::root::REPOSITORY;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where the written parts are.
const WRITTEN: &str = "/var/lib/layerc/copies";

/// What all COPY so far have shown, oldest first.
#[derive(Debug, Default)]
pub(super) struct Copies {
    trees: Vec<Tree>,
    shown: Vec<Shown>,
}

/// What one COPY has shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// Directory at the root of the repository's mount.
    pub(super) layer: String,
    /// Directories that it has covered.
    pub(super) covered: Vec<PathBuf>,
}

impl Copies {
    /// Shows a layer of the repository's mount.
    pub(super) fn add(&mut self, layer: &str, entries: &[LiveEntry]) -> Result<(), Failure> {
        let (covered, files) = covered_and_placed(entries);
        self.show(Shown { layer: layer.to_owned(), covered })?;
        let layer = Path::new(REPOSITORY).join(layer);
        files.iter().try_for_each(|path| place_copy(&layer, path))
    }

    /// Covers the directories of a COPY.
    pub(super) fn show(&mut self, shown: Shown) -> Result<(), Failure> {
        let layer = Path::new(REPOSITORY).join(&shown.layer);
        for path in &shown.covered {
            if path.as_os_str().is_empty() {
                self.cover_each(&layer)?;
            } else {
                self.cover(&layer, path)?;
            }
        }
        self.shown.push(shown);
        Ok(())
    }

    /// Whether something was shown in the root itself, name by name.
    pub(super) fn has_covered_root(&self) -> bool {
        self.shown.iter().flat_map(|shown| &shown.covered).any(|path| path.as_os_str().is_empty())
    }

    /// All of them, oldest first.
    pub(super) fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// Forgets what was shown; answers it with the overlays that are mounted for it, oldest first.
    pub(super) fn forget(&mut self) -> (Vec<Shown>, Vec<Tree>) {
        (std::mem::take(&mut self.shown), std::mem::take(&mut self.trees))
    }

    /// Mounts an overlay over a directory, and over each directory below it that an earlier COPY had covered.
    fn cover(&mut self, layer: &Path, path: &Path) -> Result<(), Failure> {
        let covered = covered_below(&self.trees, path).into_iter().map(|path| {
            let there = self.what_is_there(&path);
            (path, there)
        });
        let covered: Vec<(PathBuf, Vec<PathBuf>)> = covered.collect();
        let there = self.what_is_there(path);
        self.mount(layer, path, there)?;
        for (path, there) in covered {
            // What this COPY shows there may be no directory.
            if Path::new("/").join(&path).is_dir() {
                self.mount(layer, &path, there)?;
            }
        }
        Ok(())
    }

    /// Over the root no overlay can be: there, what the layer has is shown one by one.
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

    /// Mounts an overlay of what was there, what a layer shows, and what is written there from now on, or was already.
    fn mount(&mut self, layer: &Path, path: &Path, there: Vec<PathBuf>) -> Result<(), Failure> {
        let target = Path::new("/").join(path);
        let action = || format!("copy to `{}`", target.display());
        make_directories(&target).doing(action)?;
        let attributes = fs::metadata(&target).doing(action)?;
        let shown = Some(layer.join(path)).filter(|shown| shown.is_dir());
        let mut directories: Vec<PathBuf> = shown.into_iter().chain(there).collect();
        let (upper, work) = self.written_parts(path);
        if !upper.exists() {
            fs::create_dir_all(&upper).doing(action)?;
            copy_attributes(&attributes, &upper)?;
        }
        // An overlay that isn't synchronized leaves a mark in there, and is never mounted with it again.
        if work.exists() {
            fs::remove_dir_all(&work).doing(action)?;
        }
        fs::create_dir(&work).doing(action)?;
        OverlayMount { lowers: &directories, upper: &upper, work: &work }.mount_at(&target)?;
        directories.insert(0, upper);
        self.trees.push(Tree { path: path.to_owned(), directories });
        Ok(())
    }

    /// Where what is written to an overlay of the COPY that is being shown goes: the same place whenever it is shown anew.
    fn written_parts(&self, path: &Path) -> (PathBuf, PathBuf) {
        let name = blake3::hash(path.as_os_str().as_bytes()).to_hex();
        let place = Path::new(WRITTEN).join(self.shown.len().to_string()).join(name.as_str());
        (place.join("upper"), place.join("work"))
    }

    /// Of some paths below the root, those that a step has written to. Where no overlay is, COPY itself has written a file.
    pub(super) fn is_written(&self, path: &Path) -> bool {
        let mut covering = self.trees.iter().rev();
        let found = covering.find_map(|tree| Some((tree, path.strip_prefix(&tree.path).ok()?)));
        found.is_none_or(|(tree, rest)| {
            tree.directories.first().is_some_and(|upper| decides(upper, rest))
        })
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

pub(super) fn place_copy(layer: &Path, path: &Path) -> Result<(), Failure> {
    let target = Path::new("/").join(path);
    let action = || format!("copy to `{}`", target.display());
    let content = read_content(&layer.join(path)).doing(action)?;
    write_copy(content, &target).doing(action)
}

/// Whether what is seen at a place is up to the upper directory of an overlay: something is there, was removed there, or is in a
/// directory that hides what is below it.
fn decides(upper: &Path, rest: &Path) -> bool {
    let mut place = upper.to_owned();
    for name in rest {
        place.push(name);
        match fs::symlink_metadata(&place) {
            Err(_) => return false,
            Ok(found) if !found.is_dir() || is_opaque(&place) => return true,
            Ok(_) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::decides;
    use std::fs;
    use std::path::Path;

    #[test]
    fn an_upper_directory_decides_about_what_is_in_it() {
        let upper = tempfile::tempdir().unwrap();
        fs::create_dir_all(upper.path().join("made/below")).unwrap();
        fs::write(upper.path().join("made/file"), "").unwrap();
        for (path, decided) in [
            ("made/file", true),
            ("made/file/that/was/a/directory", true),
            ("made/other", false),
            ("made/below", false),
            ("elsewhere/file", false),
        ] {
            assert_eq!(decides(upper.path(), Path::new(path)), decided, "{path}");
        }
    }
}
