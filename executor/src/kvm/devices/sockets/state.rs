//! Connections don't survive a snapshot; what keeps the next ones apart from them does.

use serde::{Deserialize, Serialize};

/// The guest's number and the port of the host that the next connection has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kvm::devices) struct SocketsState {
    pub(super) guest: u64,
    pub(super) next_host_port: u32,
}
