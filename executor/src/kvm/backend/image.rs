//! A base image made a disk: `bases/machine-ID/root-disk`, by the identity of the image.
//!
//! Knows the image as the directories of its layers, whatever it came from.

use crate::backend::{BackendError, BaseImage, ImageSource};
use crate::durable::make_durable;
use crate::kvm::guest::DiskOrder;
use crate::overlay::failure::Doing;
use crate::overlay::{KeptBases, NEW_PREFIX, OverlayBackend};
use crate::store::runs::fresh_name;
use std::fs;
use std::path::PathBuf;

/// Name of the disk in its directory.
const DISK: &str = "root-disk";

/// Free room of every disk. What nobody writes to takes none on the host.
const FREE_BYTES: u64 = 16 << 30;

/// What file systems need besides what files hold, as a divisor of that.
const OVERHEAD_DIVISOR: u64 = 4;

/// Grows whenever disks are made in another way.
const VERSION: u32 = 2;

fn name_of(base: &BaseImage) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("layerc root disk");
    hasher.update(&VERSION.to_le_bytes()).update(&base.identity);
    let name: String = hasher.finalize().to_hex().chars().take(16).collect();
    format!("machine-{name}")
}

/// The disk of an image, if it was made.
pub(super) fn ready_disk(base: &BaseImage, bases: &KeptBases) -> Option<PathBuf> {
    let disk = bases.directory().join(name_of(base)).join(DISK);
    disk.is_file().then_some(disk)
}

/// The disk of an image, made if it isn't there.
pub(super) fn disk_of(
    base: &BaseImage,
    source: &ImageSource,
    overlay: &OverlayBackend,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<PathBuf, BackendError> {
    let bases = overlay.bases();
    let name = name_of(base);
    bases.hold(&name, source)?;
    if let Some(disk) = ready_disk(base, bases) {
        return Ok(disk);
    }
    progress("making a disk for virtual machines");
    let _making = bases.making()?;
    let beside = bases.directory().join(format!("{NEW_PREFIX}{}", fresh_name()));
    fs::create_dir(&beside).doing(|| format!("make {}", beside.display()))?;
    let made = overlay.make_disk(order(base, beside.join(DISK)));
    let place = bases.directory().join(&name);
    let placed = made.and_then(|()| {
        make_durable(&beside).doing(|| format!("sync {}", beside.display()))?;
        fs::rename(&beside, &place).doing(|| format!("make {}", place.display()))
    });
    if let Err(error) = placed {
        let _gone = fs::remove_dir_all(&beside);
        // Another process may have been faster.
        if !place.join(DISK).is_file() {
            return Err(error);
        }
    }
    Ok(place.join(DISK))
}

fn order(base: &BaseImage, disk: PathBuf) -> DiskOrder {
    let layers = base.directories.clone();
    let held: u64 = layers.iter().map(|layer| crate::agent::disk_bytes(layer)).sum();
    let bytes = (held + held / OVERHEAD_DIVISOR + FREE_BYTES).next_multiple_of(1 << 20);
    DiskOrder { layers, disk, bytes }
}
