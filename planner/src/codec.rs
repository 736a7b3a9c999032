//! Plan to bytes and back: the plan file. The only place that knows the encoding.
//!
//! ```text
//! offset  size  what
//!      0     8  magic: "LAYERC" 0x1A 0x0A
//!      8     4  format version, little endian
//!     12     8  payload length in bytes, little endian
//!     20    32  BLAKE3 of the payload
//!     52     …  payload: Layerfiles, then nodes (bincode, standard configuration)
//! ```
//!
//! Edges are not stored; see [`crate::graph`]. Bytes come from anywhere, so nothing in them is believed: lengths are
//! limited before memory is asked for, and a decoded plan passes the very checks that a built one passes.

use crate::graph::assemble;
use crate::limits;
use crate::plan::{Node, Plan, PlannedLayerfile};
use crate::validity::InvalidPlan;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::marker::PhantomData;
use thiserror::Error;

/// The first bytes of every plan file. The last two catch transfers that "repair" line ends.
const MAGIC: [u8; 8] = *b"LAYERC\x1a\n";

/// The version written, and the only one read so far.
pub const FORMAT_VERSION: u32 = 1;

const VERSION_END: usize = MAGIC.len() + 4;
const LENGTH_END: usize = VERSION_END + 8;
const HEADER_BYTES: usize = LENGTH_END + blake3::OUT_LEN;

/// Why a plan can't be written.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The graph was changed into something that is no plan.
    #[error("the plan is not valid")]
    Invalid(#[source] InvalidPlan),
    /// The file would be larger than [`limits::MAX_FILE_BYTES`].
    #[error("the plan file would have {0} bytes, but at most {max} are allowed", max = limits::MAX_FILE_BYTES)]
    TooLong(usize),
    /// The encoder refused.
    #[error("cannot encode the plan")]
    Encoder(#[source] bincode::error::EncodeError),
}

/// Why bytes are no plan.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Something else.
    #[error("this is not a plan file")]
    NotAPlan,
    /// Written by another version of the format.
    #[error("the plan has format version {0}, but this program reads version {FORMAT_VERSION}")]
    UnknownVersion(u32),
    /// More or fewer bytes than the header promises.
    #[error("the plan file is cut off or has bytes behind its end: {found} bytes of {promised}")]
    WrongLength {
        /// Bytes that the header promises, header included.
        promised: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// Larger than [`limits::MAX_FILE_BYTES`].
    #[error("the plan file has {0} bytes, but at most {max} are allowed", max = limits::MAX_FILE_BYTES)]
    TooLong(u64),
    /// The payload is not what was written.
    #[error("the plan file is damaged: its checksum does not match")]
    WrongChecksum,
    /// The payload is not an encoded plan, or passes a limit.
    #[error("the plan file is damaged: {0}")]
    Malformed(String),
    /// Encoded correctly, but no plan.
    #[error("the plan file does not hold a valid plan")]
    Invalid(#[source] InvalidPlan),
}

/// The payload, borrowed, for writing.
#[derive(Serialize)]
struct PayloadToWrite<'plan> {
    layerfiles: &'plan [PlannedLayerfile],
    nodes: Vec<&'plan Node>,
}

/// The payload as read.
#[derive(Deserialize)]
struct Payload {
    #[serde(deserialize_with = "at_most_layerfiles")]
    layerfiles: Vec<PlannedLayerfile>,
    #[serde(deserialize_with = "at_most_nodes")]
    nodes: Vec<Node>,
}

/// The plan file. Equal plans give equal bytes.
///
/// # Errors
/// When the graph was changed since it was built into something that is no plan, or when the file would be too long.
pub fn encode(plan: &Plan) -> Result<Vec<u8>, EncodeError> {
    let nodes: Vec<&Node> = plan.graph.node_weights().collect();
    let payload = PayloadToWrite { layerfiles: &plan.layerfiles, nodes };
    let mut bytes = vec![0; HEADER_BYTES];
    bincode::serde::encode_into_std_write(&payload, &mut bytes, bincode::config::standard())
        .map_err(EncodeError::Encoder)?;
    if bytes.len() > limits::MAX_FILE_BYTES {
        return Err(EncodeError::TooLong(bytes.len()));
    }
    let (header, payload) = bytes.split_at_mut(HEADER_BYTES);
    header.copy_from_slice(&header_of(payload));
    Ok(bytes)
}

fn header_of(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u64;
    let checksum = blake3::hash(payload);
    [&MAGIC, &FORMAT_VERSION.to_le_bytes()[..], &length.to_le_bytes(), checksum.as_bytes()].concat()
}

/// Whether bytes begin as a plan file does, whatever its version or state.
pub fn is_plan_file(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// The plan of a plan file.
///
/// # Errors
/// For everything that [`encode`] would not have written.
pub fn decode(bytes: &[u8]) -> Result<Plan, DecodeError> {
    let payload = checked_payload(bytes)?;
    let (payload, consumed) = decode_payload(payload).map_err(malformed)?;
    if consumed + HEADER_BYTES != bytes.len() {
        let (promised, found) = ((consumed + HEADER_BYTES) as u64, bytes.len() as u64);
        return Err(DecodeError::WrongLength { promised, found });
    }
    assemble(payload.layerfiles, payload.nodes).map_err(DecodeError::Invalid)
}

/// Says what is wrong in our words; the decoder's are about its own types.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the decoder's other errors all mean the same to a reader"
)]
fn malformed(error: bincode::error::DecodeError) -> DecodeError {
    use bincode::error::DecodeError as Decoder;
    DecodeError::Malformed(match error {
        Decoder::LimitExceeded => "a length in it is impossible".to_owned(),
        Decoder::UnexpectedEnd { .. } => "a value in it is cut off".to_owned(),
        Decoder::OtherString(reason) => reason,
        _ => "a value in it is impossible".to_owned(),
    })
}

/// The payload, once the header vouches for it.
fn checked_payload(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    let found = bytes.len() as u64;
    let magic = bytes.get(..MAGIC.len()).ok_or(DecodeError::NotAPlan)?;
    if magic != MAGIC {
        return Err(DecodeError::NotAPlan);
    }
    let cut_off = DecodeError::WrongLength { promised: HEADER_BYTES as u64, found };
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES).ok_or(cut_off)?;
    let version = u32::from_le_bytes(field(header, MAGIC.len()));
    if version != FORMAT_VERSION {
        return Err(DecodeError::UnknownVersion(version));
    }
    let promised =
        u64::from_le_bytes(field(header, VERSION_END)).saturating_add(HEADER_BYTES as u64);
    if promised.max(found) > limits::MAX_FILE_BYTES as u64 {
        return Err(DecodeError::TooLong(promised.max(found)));
    }
    if promised != found {
        return Err(DecodeError::WrongLength { promised, found });
    }
    let checksum: [u8; blake3::OUT_LEN] = field(header, LENGTH_END);
    if blake3::hash(payload) != checksum { Err(DecodeError::WrongChecksum) } else { Ok(payload) }
}

/// The `N` bytes at `offset`; zeros if there are not that many, which the header's fixed size rules out.
fn field<const N: usize>(header: &[u8], offset: usize) -> [u8; N] {
    header.get(offset..offset + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

/// Decodes with the smallest of a few budgets that any honest payload of this length stays in.
///
/// The decoder charges what a value could take in memory: 8 bytes for a number written in one. A budget of 8 times the
/// payload therefore never refuses an honest one, and no length in it can ask for more than 1 MiB or 512 times the
/// payload. The decoder is compiled once for each budget, 40 KB each, so there are no more of them.
fn decode_payload(payload: &[u8]) -> Result<(Payload, usize), bincode::error::DecodeError> {
    match payload.len().saturating_mul(8) {
        0..=0x10_0000 => decode_within::<0x10_0000>(payload),
        0x10_0001..=0x400_0000 => decode_within::<0x400_0000>(payload),
        _ => decode_within::<{ 8 * limits::MAX_FILE_BYTES }>(payload),
    }
}

fn decode_within<const BUDGET: usize>(
    payload: &[u8],
) -> Result<(Payload, usize), bincode::error::DecodeError> {
    let configuration = bincode::config::standard().with_limit::<BUDGET>();
    bincode::serde::decode_from_slice(payload, configuration)
}

fn at_most_layerfiles<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PlannedLayerfile>, D::Error> {
    deserializer.deserialize_seq(AtMost::<_, { limits::MAX_LAYERFILES }>(PhantomData))
}

fn at_most_nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Node>, D::Error> {
    deserializer.deserialize_seq(AtMost::<_, { limits::MAX_NODES }>(PhantomData))
}

/// Reads a list of at most `MAXIMUM` entries, and asks for memory only as they come.
struct AtMost<T, const MAXIMUM: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAXIMUM: usize> Visitor<'de> for AtMost<T, MAXIMUM> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {MAXIMUM} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let promised = entries.size_hint().unwrap_or(0);
        if promised > MAXIMUM {
            return Err(A::Error::invalid_length(promised, &self));
        }
        let mut list = Vec::with_capacity(promised.min(4096));
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests;
