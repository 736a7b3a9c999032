//! Names for content: SHA-256 as image documents write it, and readers that check it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

/// Begins every digest this program takes.
const PREFIX: &str = "sha256:";

/// Hexadecimal digits of a digest.
const DIGITS: usize = 64;

/// A SHA-256 digest: `sha256:` and 64 lower-case hexadecimal digits. Safe as part of a path or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest: expected `sha256:` and 64 hexadecimal digits")]
pub struct NotADigest(String);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::finish(Sha256::new_with_prefix(bytes))
    }

    fn finish(hasher: Sha256) -> Self {
        let mut text = PREFIX.to_owned();
        for byte in hasher.finalize() {
            text.push_str(&format!("{byte:02x}"));
        }
        Self(text)
    }

    /// The whole text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits alone.
    pub fn digits(&self) -> &str {
        self.0.get(PREFIX.len()..).unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let digits = text.strip_prefix(PREFIX).unwrap_or_default();
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() == DIGITS && digits.bytes().all(is_digit) {
            return Ok(Self(text.to_owned()));
        }
        Err(NotADigest(text.chars().take(100).collect()))
    }
}

impl TryFrom<String> for Digest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// Passes bytes on and computes their digest on the way.
#[derive(Debug)]
pub(crate) struct Digesting<Inner> {
    inner: Inner,
    hasher: Sha256,
    bytes: u64,
}

impl<Inner> Digesting<Inner> {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }

    /// The digest and the number of bytes that went through.
    pub(crate) fn finish(self) -> (Digest, u64) {
        (Digest::finish(self.hasher), self.bytes)
    }

    /// The digest of what went through, and the stream itself.
    pub(crate) fn into_parts(self) -> (Digest, Inner) {
        (Digest::finish(self.hasher), self.inner)
    }

    /// How many bytes went through.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Forgets what went through, after something was done to the inner stream.
    pub(crate) fn start_over<T>(
        &mut self,
        change: impl FnOnce(&mut Inner) -> io::Result<T>,
    ) -> io::Result<T> {
        (self.hasher, self.bytes) = (Sha256::new(), 0);
        change(&mut self.inner)
    }

    fn take_account(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<Inner: Read> Read for Digesting<Inner> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.take_account(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<Inner: io::Write> io::Write for Digesting<Inner> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.take_account(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lower_case_digests_are_taken() {
        let empty = Digest::of(b"");
        assert_eq!(
            empty.to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(empty.to_string().parse::<Digest>(), Ok(empty.clone()));
        let upper = format!("sha256:{}", empty.digits().to_uppercase());
        for text in ["", "sha256:", "sha512:ab", "sha256:../../../../etc/passwd", &upper] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
