//! Unpacking layers of images in agents that have a machine's user numbers.

use super::failure::unexpected;
use super::identities::Identities;
use super::removal::Removal;
use super::start;
use crate::agent::protocol::{Reply, Task};
use crate::archive::{Ownership, Unpacked};
use crate::backend::BackendError;
use crate::images::{ImageError, Images, PackOrder, Packed, Trust, UnpackOrder, Unpacker};
use std::path::Path;
use std::sync::Arc;

/// The images of a store, unpacked with the numbers that machines of this user have. `agent_program` is as in
/// [`OverlayOptions`](super::OverlayOptions).
///
/// # Errors
/// When the store's directories can't be made.
pub fn open_images(
    store_directory: &Path,
    agent_program: &Path,
    trust: Trust,
) -> Result<Images, ImageError> {
    let removal = Removal {
        agent_program: agent_program.to_owned(),
        identities: Identities::of_this_process(),
    };
    Images::open(store_directory, Arc::new(AgentUnpacker { removal }), trust)
}

/// See the module.
#[derive(Debug)]
pub(super) struct AgentUnpacker {
    pub(super) removal: Removal,
}

impl Unpacker for AgentUnpacker {
    fn unpack(&self, order: &UnpackOrder) -> Result<Unpacked, BackendError> {
        let ownership = match self.removal.identities {
            Identities::Same | Identities::Lent { .. } => Ownership::Kept,
            Identities::Alone => Ownership::Own,
        };
        let task = Task::Unpack { order: order.clone(), ownership };
        match start::have_done(task, &self.removal.agent_program, &self.removal.identities)? {
            Reply::Unpacked(unpacked) => Ok(unpacked),
            other => Err(unexpected(other)),
        }
    }

    fn pack(&self, order: &PackOrder) -> Result<Packed, BackendError> {
        let task = Task::Pack { order: order.clone() };
        match start::have_done(task, &self.removal.agent_program, &self.removal.identities)? {
            Reply::Packed(packed) => Ok(packed),
            other => Err(unexpected(other)),
        }
    }

    fn remove(&self, directory: &Path) -> Result<(), BackendError> {
        self.removal.remove_tree(directory)
    }

    fn numbers(&self) -> &'static str {
        match self.removal.identities {
            Identities::Same => "root",
            Identities::Lent { .. } => "lent",
            Identities::Alone => "own",
        }
    }

    fn note(&self) -> Option<String> {
        self.removal.identities.note()
    }
}

impl From<ImageError> for BackendError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Backend(error) => error,
            ImageError::System { action, source } => Self::System { action, source },
            other => Self::Unavailable(other.to_string()),
        }
    }
}
