//! Which directories make up each overlay of a machine's root, top first, and what attributes passages have.
//!
//! A machine's root is one overlay for the root and one for each part that the base takes from elsewhere. A layer is
//! one tree for all of them: its `usr` belongs to the overlay at `/usr` if there is one.

use super::failure::{Doing, Failure};
use super::protocol::{LayerPlace, MachineSetup};
use super::stage::Stage;
use rustix::fs::{Gid, Mode, Uid};
use std::fs::{self, Metadata};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One overlay of the root.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Path below the machine's root; empty for the root itself.
    pub(crate) path: PathBuf,
    /// Directories of the base that appear there, top first.
    base: Vec<PathBuf>,
}

/// All overlays, and the layers they are made of.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The root first, then parts, parents before children.
    parts: Vec<Part>,
    /// Directories over the base, bottom first.
    places: Vec<Place>,
}

/// A layer's directories, lower first: a repository layer can bring one with its large files below, and brings one with
/// the attributes of its passages above.
#[derive(Debug)]
struct Place {
    directories: Vec<PathBuf>,
}

impl Layers {
    /// The base alone, and over it the settings.
    pub(crate) fn of_base(machine: &MachineSetup, settings: PathBuf) -> Self {
        let base =
            std::iter::once(settings).chain(machine.base.iter().rev().map(PathBuf::from)).collect();
        let root = Part { path: PathBuf::new(), base };
        let others = machine.parts.iter().map(|part| Part {
            path: PathBuf::from(&part.path),
            base: part.sources.iter().rev().map(PathBuf::from).collect(),
        });
        let mut parts: Vec<Part> = std::iter::once(root).chain(others).collect();
        parts.sort_by_key(|part| part.path.components().count());
        Self { parts, places: Vec::new() }
    }

    /// The overlays.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Replaces what lies over the base.
    pub(crate) fn set(&mut self, stage: &Stage, layers: &[LayerPlace]) -> Result<(), Failure> {
        self.places.clear();
        for layer in layers {
            let place = match layer {
                LayerPlace::Stored(directory) => {
                    Place { directories: vec![PathBuf::from(directory)] }
                }
                LayerPlace::Tracked { name, passages } => {
                    self.tracked_place(stage, name, passages)?
                }
            };
            self.places.push(place);
        }
        Ok(())
    }

    /// Puts a layer of the repository on top.
    pub(crate) fn push_tracked(
        &mut self,
        stage: &Stage,
        name: &str,
        passages: &[String],
    ) -> Result<(), Failure> {
        let place = self.tracked_place(stage, name, passages)?;
        self.places.push(place);
        Ok(())
    }

    /// Puts a frozen layer on top.
    pub(crate) fn push(&mut self, directory: PathBuf) {
        self.places.push(Place { directories: vec![directory] });
    }

    /// Some frozen layers, bottom first; `None` if there is another layer among them.
    pub(crate) fn frozen(&self, which: Range<usize>) -> Option<Vec<PathBuf>> {
        let alone = |place: &Place| match place.directories.as_slice() {
            [directory] => Some(directory.clone()),
            _ => None,
        };
        self.places.get(which)?.iter().map(alone).collect()
    }

    /// Puts one frozen layer in the place of some.
    pub(crate) fn replace(&mut self, which: Range<usize>, directory: PathBuf) {
        self.places.splice(which, [Place { directories: vec![directory] }]);
    }

    /// The lower directories of an overlay, top first.
    pub(crate) fn lowers(&self, part: &Part) -> Vec<PathBuf> {
        let over = self
            .directories_from_top()
            .map(|directory| directory.join(&part.path))
            .filter(|path| path.is_dir());
        over.chain(part.base.iter().cloned()).collect()
    }

    /// What a path of the machine was before anything runs, seen without mounting: the topmost thing of that name.
    pub(crate) fn attributes(&self, path: &Path) -> Option<Metadata> {
        let over = self.directories_from_top().map(|directory| directory.join(path));
        over.chain(self.base_paths(path)).find_map(|candidate| fs::symlink_metadata(candidate).ok())
    }

    fn directories_from_top(&self) -> impl Iterator<Item = &PathBuf> {
        self.places.iter().rev().flat_map(|place| place.directories.iter().rev())
    }

    /// Where the base has a path: in the deepest part that contains it.
    fn base_paths(&self, path: &Path) -> Vec<PathBuf> {
        let part = self
            .parts
            .iter()
            .rev()
            .find_map(|part| Some((part, path.strip_prefix(&part.path).ok()?)));
        part.map_or_else(Vec::new, |(part, rest)| {
            part.base.iter().map(|base| join(base, rest)).collect()
        })
    }

    /// Directories that lead to copied files exist in the repository's layer too, with attributes of their own. Over
    /// them go empty directories with the attributes that the machine's directories had before, so that a COPY into
    /// `/tmp` or a user's home does not change who may write there.
    fn tracked_place(
        &self,
        stage: &Stage,
        name: &str,
        passages: &[String],
    ) -> Result<Place, Failure> {
        let mut directories = stage.repository_layer(name);
        directories.reverse();
        let copies = stage.path("passages").join(name);
        let mut made = false;
        for passage in passages {
            let Some(attributes) = self.attributes(Path::new(passage)).filter(Metadata::is_dir)
            else {
                continue;
            };
            let place = join(&copies, Path::new(passage));
            fs::create_dir_all(&place).doing(|| format!("make {}", place.display()))?;
            copy_attributes(&attributes, &place)?;
            made = true;
        }
        if made {
            directories.push(copies);
        }
        Ok(Place { directories })
    }
}

/// Gives a directory the owner and mode of another. An owner that this namespace doesn't know can't be given; then it
/// stays root's.
pub(crate) fn copy_attributes(from: &Metadata, to: &Path) -> Result<(), Failure> {
    let owner = (Some(Uid::from_raw(from.uid())), Some(Gid::from_raw(from.gid())));
    let _ = rustix::fs::chown(to, owner.0, owner.1);
    rustix::fs::chmod(to, Mode::from_raw_mode(from.mode() & 0o7777))
        .doing(|| format!("set the mode of {}", to.display()))
}

/// `join` without the trailing slash that an empty path would leave.
fn join(directory: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { directory.to_owned() } else { directory.join(rest) }
}
