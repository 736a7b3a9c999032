//! What a driver asks of a disk: a header, data, and a byte for the outcome (virtio 1.2, 5.2.6).

use super::image::SECTOR_BYTES;
use crate::kvm::devices::chain::{Chain, Ending};
use std::io;

/// Bytes of a request's header.
const HEADER_BYTES: usize = 16;

/// Most bytes of data in one request. Linux makes requests of up to 1,280 KiB by default; what a guest may be told to
/// allow (`max_sectors_kb`) is bounded here.
pub(super) const MOST_DATA_BYTES: usize = 16 << 20;

/// What a disk is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
    Flush,
    /// Tell a name.
    Identify,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Failed,
    Unsupported,
}

impl Outcome {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Unsupported => 2,
        }
    }
}

/// A request's beginning and end; data is between them.
pub(super) struct Request<'memory> {
    pub(super) operation: Option<Operation>,
    /// Where, in bytes from the disk's beginning.
    pub(super) offset: u64,
    pub(super) outcome: Ending<'memory>,
}

impl<'memory> Request<'memory> {
    /// Reads the header and cuts the outcome's byte off.
    ///
    /// # Errors
    /// When there is no header, or no room for an outcome.
    pub(super) fn of(chain: &mut Chain<'memory>) -> io::Result<Self> {
        let outcome = chain.split_end(1).ok_or(io::ErrorKind::InvalidData)?;
        let header: [u8; HEADER_BYTES] = chain.read_array()?;
        let [kind @ .., _, _, _, _, a, b, c, d, e, f, g, h] = header;
        let [k0, k1, k2, k3] = kind;
        let operation = match u32::from_le_bytes([k0, k1, k2, k3]) {
            0 => Some(Operation::Read),
            1 => Some(Operation::Write),
            4 => Some(Operation::Flush),
            8 => Some(Operation::Identify),
            _ => None,
        };
        let sector = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        // A sector that is too large for a byte count is beyond every disk's end.
        Ok(Self { operation, offset: sector.saturating_mul(SECTOR_BYTES), outcome })
    }
}
