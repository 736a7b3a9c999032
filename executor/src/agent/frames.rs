//! Messages as frames: a length (4 bytes, little-endian) and that many bytes of postcard.
//!
//! Works over anything that carries bytes in order: the socket pair of the overlay backend, vsock of a virtual machine.
//! Knows no message. Whatever bytes come, the answer is a message or an error, and takes no more memory than its limit.

use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};

/// Largest frame: a script (a Layerfile is limited to 16 MiB elsewhere) with its environment fits; a hostile length
/// costs at most this much memory.
pub const FRAME_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// Why a frame could not be sent or understood.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The other side is gone.
    #[error("the connection was closed")]
    Closed,
    /// Longer than [`FRAME_LIMIT_BYTES`].
    #[error("a message of {0} bytes is over the limit of {FRAME_LIMIT_BYTES}")]
    TooLong(usize),
    /// Not a message, or bytes after it.
    #[error("a message could not be understood")]
    Malformed,
    /// The connection failed.
    #[error("cannot talk to the machine")]
    Connection(#[from] io::Error),
}

/// Sends one message.
///
/// # Errors
/// When it is too long or the connection fails.
pub fn send<M: Serialize>(connection: &mut impl Write, message: &M) -> Result<(), ProtocolError> {
    let mut frame =
        postcard::to_extend(message, vec![0; 4]).map_err(|_| ProtocolError::Malformed)?;
    let length = frame.len().saturating_sub(4);
    let Some(prefix) = u32::try_from(length).ok().filter(|_| length <= FRAME_LIMIT_BYTES) else {
        return Err(ProtocolError::TooLong(length));
    };
    for (place, byte) in frame.iter_mut().zip(prefix.to_le_bytes()) {
        *place = byte;
    }
    connection.write_all(&frame).map_err(closed_or_failed)
}

/// Receives one message.
///
/// # Errors
/// When the other side is gone, the frame is too long, or it is not exactly one message.
pub fn receive<M: DeserializeOwned>(connection: &mut impl Read) -> Result<M, ProtocolError> {
    receive_within(connection, FRAME_LIMIT_BYTES)
}

/// Receives one message of at most so many bytes.
///
/// # Errors
/// As [`receive`].
pub(crate) fn receive_within<M: DeserializeOwned>(
    connection: &mut impl Read,
    limit_bytes: usize,
) -> Result<M, ProtocolError> {
    let mut prefix = [0; 4];
    connection.read_exact(&mut prefix).map_err(closed_or_failed)?;
    let length = u32::from_le_bytes(prefix) as usize;
    if length > limit_bytes {
        return Err(ProtocolError::TooLong(length));
    }
    let mut frame = Vec::new();
    let taken = connection.take(length as u64).read_to_end(&mut frame).map_err(closed_or_failed)?;
    if taken < length {
        return Err(ProtocolError::Closed);
    }
    match postcard::take_from_bytes(&frame) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(ProtocolError::Malformed),
    }
}

fn closed_or_failed(error: io::Error) -> ProtocolError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset => ProtocolError::Closed,
        _ => ProtocolError::Connection(error),
    }
}
