//! The directory of a kept machine: what is beside its memory and processors, and which others it is a difference to.

use super::kept_disk::KeptDisk;
use super::lineage::Lineage;
use crate::backend::{BackendError, LayerId};
use crate::kvm::devices::disk::Delta;
use crate::kvm::snapshot::{file, unusable};
use crate::kvm::{MachineError, Secrecy};
use crate::sealing::{OwnerKey, OwnerKeyError};
use crate::store::room::ASIDE;
use crate::tracked::SavedFiles;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// What its disk holds beyond the one before it.
pub(super) const DISK: &str = "disk";

/// Everything else.
const GUEST: &str = "guest";

/// What the host must know of a guest to go on with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptGuest {
    /// What it was told of the repository.
    pub(super) files: SavedFiles,
    /// Commands it was given.
    pub(super) commands: u32,
    /// The machines that its disk and memory are differences to, oldest first, itself last.
    pub(super) chain: Vec<KeptDisk>,
    /// Which of them are encrypted. Known to its own file alone, which is encrypted with the key of the store's owner then.
    pub(super) lineage: Lineage,
}

impl KeptGuest {
    /// Puts it into the directory of a snapshot, beside a disk that is there.
    pub(super) fn write(&self, directory: &Path, owner: &OwnerKey) -> Result<(), BackendError> {
        let secrecy = match self.lineage {
            Lineage::Open => Secrecy::Open,
            Lineage::Sealed { .. } => {
                let unavailable =
                    |error: OwnerKeyError| BackendError::Unavailable(error.to_string());
                Secrecy::Sealed(owner.made().map_err(unavailable)?)
            }
        };
        file::write(&directory.join(GUEST), self, &secrecy).map_err(of_machine)
    }

    /// Reads it.
    pub(super) fn read(directory: &Path, owner: &OwnerKey) -> Result<Self, MachineError> {
        let path = directory.join(GUEST);
        let secrecy = if file::is_sealed(&path)? {
            Secrecy::Sealed(owner.read().map_err(|reason| unusable(&path, reason))?)
        } else {
            Secrecy::Open
        };
        let kept: Self = file::read(&path, &secrecy)?;
        match (&kept.lineage, &secrecy) {
            (Lineage::Open, Secrecy::Open) | (Lineage::Sealed { .. }, Secrecy::Sealed(_)) => {
                Ok(kept)
            }
            _ => Err(unusable(&path, "it is encrypted otherwise than what it belongs to")),
        }
    }

    /// The disks of its chain.
    pub(super) fn disks(&self, layers: &Path) -> Result<Vec<Delta>, MachineError> {
        let disks = self.chain.iter().enumerate();
        disks.map(|(number, disk)| disk.open(layers, &self.lineage.of(number))).collect()
    }
}

/// Takes these bytes for the file of a kept machine; answers how many times it is one.
#[cfg(any(test, fuzzing))]
pub(in crate::kvm) fn read_any_guest(bytes: &[u8]) -> usize {
    file::decode_any::<KeptGuest>(bytes).len()
}

/// Takes a broken one out of the way: nobody restores it again, what comes behind it is made anew, and it goes with what
/// is being removed.
pub(super) fn set_aside(layers: &Path, layer: &LayerId) {
    // What can't be moved stays broken, and says so again.
    let _ = fs::rename(layers.join(&layer.0), layers.join(format!("{ASIDE}{}", layer.0)));
}

/// What went wrong with a machine, for whoever knows backends alone.
pub(super) fn of_machine(error: MachineError) -> BackendError {
    match error {
        MachineError::System { action, source } => BackendError::System { action, source },
        MachineError::Ended => BackendError::Stopped("the virtual machine has ended".to_owned()),
        other => BackendError::Unavailable(other.to_string()),
    }
}
