//! The directory of a kept machine: what is beside its memory and processors, and which others it is a difference to.

use crate::backend::{BackendError, LayerId};
use crate::kvm::MachineError;
use crate::kvm::snapshot::file;
use crate::overlay::failure::Doing;
use crate::tracked::SavedFiles;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

/// What its disk holds beyond the one before it.
pub(super) const DISK: &str = "disk";

/// Everything else.
const GUEST: &str = "guest";

/// Begins the names of kept machines that turned out to be broken. They are removed with what is being removed.
const ASIDE: &str = "gone-";

/// What the host must know of a guest to go on with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptGuest {
    /// What it was told of the repository.
    pub(super) files: SavedFiles,
    /// Commands it was given.
    pub(super) commands: u32,
    /// The machines that its disk and memory are differences to, oldest first, itself last.
    pub(super) chain: Vec<LayerId>,
}

impl KeptGuest {
    /// Puts it into the directory of a snapshot, beside a disk that is there.
    pub(super) fn write(&self, directory: &Path) -> Result<(), BackendError> {
        file::write(&directory.join(GUEST), self).map_err(of_machine)
    }

    /// Reads it.
    pub(super) fn read(directory: &Path) -> Result<Self, MachineError> {
        file::read(&directory.join(GUEST))
    }

    /// The disks of its chain.
    pub(super) fn disks(&self, layers: &Path) -> Result<Vec<Arc<File>>, BackendError> {
        let open = |layer: &LayerId| {
            let path = layers.join(&layer.0).join(DISK);
            File::open(&path).map(Arc::new).doing(|| format!("open {}", path.display()))
        };
        self.chain.iter().map(open).collect()
    }
}

/// Takes a broken one out of the way: nobody restores it again, and what comes behind it is made anew.
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
