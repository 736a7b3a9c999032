//! What every encrypted file begins with: what it is, a number drawn for it, and by what to tell that a key fits.

use super::Unreadable;
use super::key::{Cipher, Key};
use crate::randomness::draw;
use std::io;

/// Version of all layouts. Another one is refused.
const VERSION: u32 = 1;

/// Mark, version, number, check.
pub(super) const HEADER_BYTES: usize = MARK_BYTES + 4 + NUMBER_BYTES + CHECK_BYTES;

const MARK_BYTES: usize = 8;
const NUMBER_BYTES: usize = 32;
const CHECK_BYTES: usize = 16;

/// What a file's own key is made for.
const OF_FILE: &str = "layerc 1 the key of an encrypted file";

/// What tells that it is the right one.
const OF_CHECK: &str = "layerc 1 the check of an encrypted file";

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Blocks,
    Stream,
}

impl Kind {
    const fn mark(self) -> &'static [u8; MARK_BYTES] {
        match self {
            Self::Message => b"layercSM",
            Self::Blocks => b"layercSB",
            Self::Stream => b"layercSS",
        }
    }
}

/// Begins a file: its header, and what encrypts the rest.
pub(super) fn begin(kind: Kind, key: &Key) -> io::Result<(Vec<u8>, [u8; NUMBER_BYTES], Cipher)> {
    let mut number = [0; NUMBER_BYTES];
    draw(&mut number)?;
    let (cipher, check) = own(kind, key, &number)?;
    let header = [&kind.mark()[..], &VERSION.to_le_bytes(), &number, &check].concat();
    Ok((header, number, cipher))
}

/// What decrypts a file with this beginning.
pub(super) fn read(
    kind: Kind,
    key: &Key,
    bytes: &[u8],
) -> Result<([u8; NUMBER_BYTES], Cipher), Unreadable> {
    let (mark, rest) = bytes.split_first_chunk().ok_or(Unreadable::Cut)?;
    if mark != kind.mark() {
        return Err(Unreadable::Kind);
    }
    let (version, rest) = rest.split_first_chunk().ok_or(Unreadable::Cut)?;
    if u32::from_le_bytes(*version) != VERSION {
        return Err(Unreadable::Version);
    }
    let (number, rest) = rest.split_first_chunk().ok_or(Unreadable::Cut)?;
    let check = rest.first_chunk::<CHECK_BYTES>().ok_or(Unreadable::Cut)?;
    let (cipher, expected) = own(kind, key, number).map_err(|_| Unreadable::Key)?;
    if *check != expected {
        return Err(Unreadable::Key);
    }
    Ok((*number, cipher))
}

/// Whether a file that begins so is of this kind.
pub(super) fn is_of(kind: Kind, bytes: &[u8]) -> bool {
    bytes.starts_with(kind.mark())
}

fn own(
    kind: Kind,
    key: &Key,
    number: &[u8; NUMBER_BYTES],
) -> io::Result<(Cipher, [u8; CHECK_BYTES])> {
    let of = [&kind.mark()[..], &VERSION.to_le_bytes(), number].concat();
    let checked = key.derived(OF_CHECK, &of);
    let mut check = [0; CHECK_BYTES];
    check
        .copy_from_slice(checked.bytes().first_chunk::<CHECK_BYTES>().unwrap_or(&[0; CHECK_BYTES]));
    Ok((key.derived(OF_FILE, &of).cipher()?, check))
}
