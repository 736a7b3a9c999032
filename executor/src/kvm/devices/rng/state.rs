//! Randomness has no state that a snapshot could keep: two machines of one snapshot must not draw the same.

use serde::{Deserialize, Serialize};

/// Nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kvm::devices) struct EntropyState {}
