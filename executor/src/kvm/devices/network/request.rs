//! Frames in a stream: each behind its length, four bytes, largest first.
//!
//! Knows nothing of what is in frames.

use std::collections::VecDeque;

/// Bytes of a length.
const LENGTH_BYTES: usize = 4;

/// Longest frame, in either direction: what a card without offers to do more can send, and a little.
pub(super) const MOST_FRAME_BYTES: usize = 2048;

/// Most bytes that wait in one direction.
pub(super) const MOST_WAITING_BYTES: usize = 256 * 1024;

/// Something else than frames came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoFrame;

/// Bytes of the stream that are not whole frames yet, or that nobody has taken.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: VecDeque<u8>,
}

impl Frames {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether nothing should be added now.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= MOST_WAITING_BYTES
    }

    /// Adds what came from the stream.
    pub(super) fn add_bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Adds a frame behind its length.
    pub(super) fn add_frame(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(frame);
    }

    /// The next bytes for the stream.
    pub(super) fn next_bytes(&self) -> &[u8] {
        self.bytes.as_slices().0
    }

    /// So many of them were taken.
    pub(super) fn taken(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
    }

    /// Takes the next whole frame. One that is too long for any card is left out.
    pub(super) fn next_frame(&mut self) -> Result<Option<Vec<u8>>, NoFrame> {
        loop {
            let head: Vec<u8> = self.bytes.iter().take(LENGTH_BYTES).copied().collect();
            let Ok(head) = <[u8; LENGTH_BYTES]>::try_from(head) else { return Ok(None) };
            let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
            if length > MOST_WAITING_BYTES {
                return Err(NoFrame);
            }
            if self.bytes.len() < LENGTH_BYTES + length {
                return Ok(None);
            }
            self.bytes.drain(..LENGTH_BYTES);
            let frame: Vec<u8> = self.bytes.drain(..length).collect();
            if frame.len() <= MOST_FRAME_BYTES {
                return Ok(Some(frame));
            }
        }
    }
}
