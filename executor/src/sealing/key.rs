//! Keys. Wiped from memory when they are dropped, and never shown.

use super::Unreadable;
use crate::randomness::draw;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

/// Bytes that a part is longer encrypted than it was: what was drawn for it, and what it is checked by.
pub(super) const MORE_BYTES: usize = NONCE_BYTES + TAG_BYTES;

const NONCE_BYTES: usize = NONCE_LEN;
const TAG_BYTES: usize = 16;

/// A key. Serialised only into what is encrypted itself, and to the machine whose own it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(…)")
    }
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn drawn() -> io::Result<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        draw(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// Of these bytes.
    pub fn of(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Another key, made of this one and something that isn't secret.
    pub(super) fn derived(&self, purpose: &str, number: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(purpose);
        hasher.update(self.0.as_slice()).update(number);
        Self(Zeroizing::new(*hasher.finalize().as_bytes()))
    }

    /// What encrypts with it.
    pub(super) fn cipher(&self) -> io::Result<Cipher> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, self.bytes()).map_err(|_| refused())?;
        Ok(Cipher(Box::new(LessSafeKey::new(key))))
    }
}

/// Encrypts and decrypts parts with one key.
pub(super) struct Cipher(Box<LessSafeKey>);

fn refused() -> io::Error {
    io::Error::other("a part that can't be encrypted")
}

impl fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cipher(…)")
    }
}

impl Cipher {
    /// Appends a part to `sealed`. Only whoever says the same `place` can read it.
    pub(super) fn seal(&self, place: &[u8], part: &[u8], sealed: &mut Vec<u8>) -> io::Result<()> {
        let mut nonce = [0; NONCE_BYTES];
        draw(&mut nonce)?;
        sealed.extend_from_slice(&nonce);
        let start = sealed.len();
        sealed.extend_from_slice(part);
        let bytes = sealed.get_mut(start..).unwrap_or_default();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(place), bytes);
        sealed.extend_from_slice(tag.map_err(|_| refused())?.as_ref());
        Ok(())
    }

    /// What was sealed as this part, into `part`, which is as long. What can't be read leaves nothing there.
    pub(super) fn open(
        &self,
        place: &[u8],
        sealed: &[u8],
        part: &mut [u8],
    ) -> Result<(), Unreadable> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Unreadable::Cut)?;
        let (bytes, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(Unreadable::Cut)?;
        if bytes.len() != part.len() {
            return Err(Unreadable::Cut);
        }
        part.copy_from_slice(bytes);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let (place, tag) = (Aad::from(place), (*tag).into());
        let opened = self.0.open_in_place_separate_tag(nonce, place, tag, part, 0..).map(drop);
        opened.map_err(|_| {
            part.fill(0);
            Unreadable::Changed
        })
    }
}
