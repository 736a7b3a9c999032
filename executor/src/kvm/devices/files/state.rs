//! The guest's file system in a snapshot: how its conversation began. What the guest knows of files is the server's to keep.

use serde::{Deserialize, Serialize};

/// The guest's first request, for the next server to hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kvm::devices) struct FilesState {
    pub(super) beginning: Option<Vec<u8>>,
}
