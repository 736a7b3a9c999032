//! Removing trees that steps wrote, whatever modes they gave their directories.
//!
//! With lent numbers the files belong to users this process is not; then an agent in a user namespace of the same
//! numbers removes them.

use super::failure::Doing;
use super::identities::Identities;
use super::start;
use crate::agent::remove_own_tree;
use crate::backend::BackendError;
use std::io;
use std::path::{Path, PathBuf};

/// How trees are removed here.
#[derive(Debug, Clone)]
pub(super) struct Removal {
    pub(super) agent_program: PathBuf,
    pub(super) identities: Identities,
}

impl Removal {
    /// Removes a directory and everything in it. One that is not there is removed already.
    pub(super) fn remove_tree(&self, directory: &Path) -> Result<(), BackendError> {
        match remove_own_tree(directory) {
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && self.identities != Identities::Same =>
            {
                start::remove_as_agent(directory, &self.agent_program, &self.identities)
            }
            other => other.doing(|| format!("remove {}", directory.display())),
        }
    }
}
