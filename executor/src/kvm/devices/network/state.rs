//! A network card in a snapshot: its address. What was on the way is lost, as networks lose things.

use serde::{Deserialize, Serialize};

/// The card's hardware address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kvm::devices) struct NetworkState {
    pub(super) hardware_address: [u8; 6],
}
