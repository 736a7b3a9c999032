//! What is free is the guest's knowledge; nothing of it is kept here.

use serde::{Deserialize, Serialize};

/// Nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kvm::devices) struct BalloonState {}
