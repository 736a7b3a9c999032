//! The directory of a snapshot that is being made. It gets its name when it is whole; before that it is removed
//! with this value.

use super::ancestry::Ancestry;
use super::map::is_name;
use super::state::MachineState;
use super::{MEMORY_FILE, STATE_FILE, UNFINISHED, file, unusable};
use crate::kvm::Secrecy;
use crate::kvm::error::MachineError;
use crate::kvm::memory::MemorySize;
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Debug)]
pub struct Unfinished {
    directory: PathBuf,
    target: PathBuf,
}

fn writing() -> impl FnOnce(std::io::Error) -> MachineError {
    MachineError::system("write a snapshot")
}

impl Unfinished {
    /// Begins `name` in the directory of snapshots.
    ///
    /// # Errors
    /// When that is no name, or the disk is full.
    pub(in crate::kvm) fn begin(snapshots: &Path, name: &str) -> Result<Self, MachineError> {
        let target = snapshots.join(name);
        if !is_name(name) {
            return Err(unusable(&target, "its name has to be letters, digits, `-` and `_`"));
        }
        let directory = snapshots.join(format!("{name}{UNFINISHED}"));
        // Left by a process that was killed.
        let _ = fs::remove_dir_all(&directory);
        fs::DirBuilder::new().mode(0o700).create(&directory).map_err(writing())?;
        Ok(Self { directory, target })
    }

    /// The file for its pages, new and for its owner alone.
    ///
    /// # Errors
    /// When it can't be made.
    pub(in crate::kvm) fn memory_file(&self) -> Result<File, MachineError> {
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o600);
        options
            .open(self.directory.join(MEMORY_FILE))
            .map_err(MachineError::system("write a machine's memory"))
    }

    /// The name that it gets.
    pub(in crate::kvm) fn name(&self) -> String {
        self.target.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Makes it whole.
    ///
    /// # Errors
    /// When the disk is full.
    pub(super) fn finish(
        self,
        state: &MachineState,
        secrecy: &Secrecy,
    ) -> Result<(), MachineError> {
        file::write(&self.directory.join(STATE_FILE), state, secrecy)?;
        fs::rename(&self.directory, &self.target).map_err(writing())
    }

    /// The same with a state that the machine's process gave; answers where the machine comes from now.
    ///
    /// # Errors
    /// When that is no state that this machine can have.
    pub(in crate::kvm) fn finish_with(
        self,
        given: &File,
        ancestry: &Ancestry,
        size: MemorySize,
        secrecy: &Secrecy,
    ) -> Result<Ancestry, MachineError> {
        let state: MachineState = file::read_open(given, &self.target)?;
        if let Some(fault) = ancestry.fault(&state, &self.name(), size, secrecy) {
            return Err(unusable(&self.target, fault));
        }
        self.finish(&state, secrecy)?;
        Ok(Ancestry::of(&state.memory))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Of one that is whole nothing is here any more.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
