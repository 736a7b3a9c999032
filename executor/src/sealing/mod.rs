//! Encrypted files: what the store keeps of machines that know a secret.
//!
//! Everything is ChaCha20-Poly1305. Each file has a key of its own, made of the one it was written with and of 256 bits drawn
//! for the file, so that no part of one file passes for a part of another. Each part has a nonce drawn at random: of its 96
//! bits, among the 2^31 blocks of the largest disk, two are the same with a probability below 2^-34. A part says by what it is authenticated with where in its file it belongs.
//!
//! | file | what it holds |
//! |---|---|
//! | `key` | keys, and what is made of them |
//! | `owner` | the key of the store's owner, in a file |
//! | `header` | what every encrypted file begins with |
//! | `message` | small files, read as a whole |
//! | `blocks` | files whose blocks are read and written in any order |
//! | `stream` | files that are written once, from their beginning to their end |
//!
//! Knows nothing of machines, secrets or the store.

mod blocks;
mod header;
mod key;
mod message;
mod owner;
mod stream;

pub use blocks::{BLOCK_BYTES, SealedBlocks};
pub use key::Key;
pub use message::{is_message, open_message, seal_message};
pub use owner::{OwnerKey, OwnerKeyError};
pub use stream::{StreamReader, StreamWriter, is_stream};

use std::io;

/// Why an encrypted file can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its beginning is that of another kind of file.
    #[error("it is no encrypted file of this kind")]
    Kind,
    /// Another version of the layout.
    #[error("it was encrypted by another version of this program")]
    Version,
    /// There is less of it than there must be.
    #[error("it is cut short")]
    Cut,
    /// The key doesn't fit.
    #[error("it was encrypted with another key than this one, or its beginning has changed")]
    Key,
    /// What is there is not what was written there.
    #[error("its contents have changed since they were encrypted")]
    Changed,
}

impl From<Unreadable> for io::Error {
    fn from(error: Unreadable) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Tells a file that can't be deciphered from one that the system doesn't give.
pub fn unreadable(error: &io::Error) -> Option<Unreadable> {
    error.get_ref()?.downcast_ref().copied()
}
