//! A disk in a snapshot: which delta has which part. The deltas themselves are files beside it.

use super::clusters::Clusters;
use serde::{Deserialize, Serialize};

/// Size and map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kvm::devices) struct DiskState {
    pub(super) bytes: u64,
    pub(super) clusters: Clusters,
}
