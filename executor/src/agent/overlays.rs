//! The overlays that make up the root, one for each part, mounted on the stage.
//!
//! They stay mounted from step to step. Only those that something was written to are taken down when it is frozen, and
//! only those that are made of other layers now are mounted anew: most steps write to the root alone, most copies go there,
//! and making the kernel's working directories for each part each time costs more than everything else.

use super::epoch::Ground;
use super::failure::{Doing, Failure};
use super::layers::{Layers, Part, copy_attributes};
use super::overlay_mount::{OverlayMount, Tree};
use super::stage::Stage;
use rustix::mount::{UnmountFlags, unmount};
use std::fs;
use std::path::{Path, PathBuf};

/// Whether there was anything to freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Something,
    Nothing,
}

/// The overlays of a machine's parts, in the order of the parts.
#[derive(Debug)]
pub(crate) struct Overlays {
    run_directory: PathBuf,
    /// Upper directories made so far: names them.
    made: u32,
    /// Each part, if it is mounted.
    mounted: Vec<Option<Mounted>>,
}

/// A mounted overlay.
#[derive(Debug)]
struct Mounted {
    upper: PathBuf,
    /// As they were then, top first.
    lowers: Vec<PathBuf>,
}

impl Overlays {
    /// None mounted yet.
    pub(crate) fn new(run_directory: PathBuf, layers: &Layers) -> Self {
        Self { run_directory, made: 0, mounted: layers.parts().iter().map(|_| None).collect() }
    }

    /// The directory that holds what is written.
    pub(crate) fn run_directory(&self) -> &Path {
        &self.run_directory
    }

    /// Mounts those that are not, or that were made of other layers. Nothing was written to the latter.
    pub(crate) fn ensure(&mut self, ground: &Ground<'_>) -> Result<(), Failure> {
        let parts = ground.layers.parts().iter().zip(&mut self.mounted).enumerate();
        for (place, (part, mounted)) in parts {
            let lowers = ground.layers.lowers(part);
            if let Some(known) = mounted {
                if known.lowers == lowers {
                    continue;
                }
                take_down(ground.stage, place)?;
                *mounted = None;
            }
            self.made += 1;
            let new = self.run_directory.join(format!("upper-{}", self.made));
            let work = self.run_directory.join(format!("work-{}", self.made));
            for path in [&new, &work] {
                fs::create_dir(path).doing(|| format!("make {}", path.display()))?;
            }
            // An overlay's root has the attributes of its upper directory, so that gets what the lower one has.
            if let Some(attributes) = ground.layers.attributes(&part.path) {
                copy_attributes(&attributes, &new)?;
            }
            let overlay = OverlayMount {
                lowers: &ground.short_all(&lowers),
                upper: &ground.short(&new),
                work: &ground.short(&work),
            };
            overlay.mount_at(&ground.stage.part(place)?)?;
            *mounted = Some(Mounted { upper: new, lowers });
        }
        Ok(())
    }

    /// Whether anything was written.
    pub(crate) fn written(&self) -> Result<Written, Failure> {
        for mounted in self.mounted.iter().flatten() {
            if has_entries(&mounted.upper)? {
                return Ok(Written::Something);
            }
        }
        Ok(Written::Nothing)
    }

    /// Makes what was written one tree at `target`, and takes those down that were written to.
    pub(crate) fn freeze(
        &mut self,
        stage: &Stage,
        layers: &Layers,
        target: &Path,
    ) -> Result<(), Failure> {
        let mut root = None;
        for (place, (part, slot)) in layers.parts().iter().zip(&mut self.mounted).enumerate() {
            let Some(mounted) = &slot else { continue };
            if place > 0 && !has_entries(&mounted.upper)? {
                continue;
            }
            let Some(Mounted { upper, .. }) = slot.take() else { continue };
            take_down(stage, place)?;
            match &root {
                None => root = Some(upper),
                Some(root) => {
                    lead_to(layers, root, &part.path)?;
                    fs::rename(&upper, root.join(&part.path))
                        .doing(|| format!("freeze /{}", part.path.display()))?;
                }
            }
        }
        match root {
            Some(root) => {
                fs::rename(&root, target).doing(|| format!("make the layer {}", target.display()))
            }
            None => Err(Failure::Refused("the machine has no root".to_owned())),
        }
    }

    /// What each is made of.
    pub(crate) fn trees(&self, layers: &Layers) -> Vec<Tree> {
        let tree = |(part, mounted): (&Part, &Option<Mounted>)| {
            let upper = mounted.iter().map(|mounted| mounted.upper.clone());
            let directories = upper.chain(layers.lowers(part)).collect();
            Tree { path: part.path.clone(), directories }
        };
        layers.parts().iter().zip(&self.mounted).map(tree).collect()
    }
}

fn take_down(stage: &Stage, place: usize) -> Result<(), Failure> {
    unmount(stage.part(place)?, UnmountFlags::DETACH).doing(|| "unmount an overlay".to_owned())
}

/// Whether there is something in a directory.
pub(crate) fn has_entries(upper: &Path) -> Result<bool, Failure> {
    Ok(fs::read_dir(upper).doing(|| format!("list {}", upper.display()))?.next().is_some())
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
