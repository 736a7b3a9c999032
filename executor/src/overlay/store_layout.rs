//! The directories of the store that belong to this backend: `layers/`, `runs/` and `bases/`.
//!
//! `layers/ID` is a frozen layer and never changes. `runs/ID` belongs to one running machine and goes with it; one
//! whose process is gone is swept at the next start. `bases/ID` holds what was unpacked or installed.

use super::failure::Doing;
use super::removal::RemovalQueue;
use crate::backend::{BackendError, Layer, LayerId};
pub(super) use crate::store::runs::fresh_name;
use crate::store::runs::{Gate, gate};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Where things are.
#[derive(Debug)]
pub(super) struct StoreLayout {
    pub(super) root: PathBuf,
    pub(super) layers: PathBuf,
    pub(super) runs: PathBuf,
    pub(super) bases: PathBuf,
}

impl StoreLayout {
    /// Makes what is missing.
    pub(super) fn open(root: &Path) -> Result<Self, BackendError> {
        fs::create_dir_all(root).doing(|| format!("make the store `{}`", root.display()))?;
        let root = root.canonicalize().doing(|| format!("find the store `{}`", root.display()))?;
        let layout = Self {
            layers: root.join("layers"),
            runs: root.join("runs"),
            bases: root.join("bases"),
            root,
        };
        for directory in [&layout.layers, &layout.runs, &layout.bases] {
            fs::create_dir_all(directory).doing(|| format!("make `{}`", directory.display()))?;
        }
        Ok(layout)
    }

    /// A layer's directory.
    pub(super) fn layer(&self, id: &LayerId) -> PathBuf {
        self.layers.join(&id.0)
    }

    /// A name for a new layer.
    pub(super) fn new_layer() -> LayerId {
        LayerId(fresh_name())
    }

    /// Makes a directory for a new machine.
    pub(super) fn new_run(&self, removal: RemovalQueue) -> Result<RunDirectory, BackendError> {
        let path = self.runs.join(fresh_name());
        // Made with its lock under a name that no sweep looks at.
        let beside = self.runs.join(format!("{NEW_PREFIX}{}", fresh_name()));
        fs::create_dir(&beside).doing(|| format!("make `{}`", beside.display()))?;
        let lock =
            File::create(beside.join(LOCK)).doing(|| format!("lock `{}`", beside.display()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .doing(|| format!("lock `{}`", beside.display()))?;
        fs::rename(&beside, &path).doing(|| format!("make `{}`", path.display()))?;
        Ok(RunDirectory { path, _lock: lock, removal })
    }

    /// The layers that living machines have written down.
    pub(super) fn layers_in_use(&self) -> Vec<LayerId> {
        let entries = fs::read_dir(&self.runs).into_iter().flatten().flatten();
        // A directory outlives its machine until somebody has removed all of it.
        let alive = entries.map(|entry| entry.path()).filter(|path| !is_abandoned(path));
        let texts = alive.filter_map(|path| fs::read_to_string(path.join(LAYERS)).ok());
        texts
            .flat_map(|text| text.lines().map(|line| LayerId(line.to_owned())).collect::<Vec<_>>())
            .collect()
    }

    /// Directories of machines whose process is gone.
    pub(super) fn abandoned_runs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.runs).into_iter().flatten().flatten();
        let named =
            entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with(NEW_PREFIX));
        named.map(|entry| entry.path()).filter(|path| is_abandoned(path)).collect()
    }
}

/// Whether the process of a machine's directory is gone. It has its lock before it has its name, so one without a lock
/// was being removed by somebody who did not get to the end.
fn is_abandoned(path: &Path) -> bool {
    match File::open(path.join(LOCK)) {
        Ok(lock) => flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Begins the names of directories that are being made.
const NEW_PREFIX: &str = "new-";

/// File of a run directory that is locked as long as its machine's process lives.
const LOCK: &str = "lock";

/// A running machine's directory, locked.
#[derive(Debug)]
pub(super) struct RunDirectory {
    pub(super) path: PathBuf,
    _lock: File,
    removal: RemovalQueue,
}

/// File of a run directory that names the frozen layers its machine started from.
const LAYERS: &str = "layers";

impl RunDirectory {
    /// Writes down which layers the machine needs; from then on nobody removes them.
    pub(super) fn needs(&self, layers: &[Layer], store: &Path) -> Result<(), BackendError> {
        let mut text = String::new();
        for layer in layers {
            if let Layer::Frozen(id) = layer {
                text.push_str(&format!("{}\n", id.0));
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        let _open = gate(store, Gate::Open).doing(|| "wait for the store".to_owned())?;
        let path = self.path.join(LAYERS);
        fs::write(&path, text).doing(|| format!("write {}", path.display()))
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        self.removal.remove(std::mem::take(&mut self.path));
    }
}
