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
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Directories of the store whose files steps and images made. A set-user program among them is harmless in a machine;
/// on the host it would make whoever can reach it its owner, who may be root.
const CLOSED: [&str; 6] = ["layers", "runs", "bases", "caches", "images", "clones"];

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
        for name in CLOSED {
            let directory = layout.root.join(name);
            close_to_others(&directory)
                .doing(|| format!("make `{}` and close it to others", directory.display()))?;
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

/// Makes a directory that only its owner may enter; one that is there and our own is closed, whoever may enter the
/// store itself.
fn close_to_others(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let found = fs::symlink_metadata(directory)?;
    let is_ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    if is_ours && found.mode() & 0o077 != 0 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
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
pub(crate) struct RunDirectory {
    pub(crate) path: PathBuf,
    _lock: File,
    removal: RemovalQueue,
}

/// File of a run directory that names the frozen layers its machine started from.
const LAYERS: &str = "layers";

impl RunDirectory {
    /// Writes down which layers the machine needs; from then on nobody removes them.
    pub(crate) fn needs(&self, layers: &[Layer], store: &Path) -> Result<(), BackendError> {
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
