//! What steps asked of the repository, and what the answer was: the facts a cache hit depends on.
//!
//! Filled by the tracked filesystem, stored in cache records, compared with the current tree. Does not know
//! how answers are obtained or where they are kept.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A path in the repository: `/`-separated bytes, no leading slash, empty for the root.
/// File names need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrackedPath(Vec<u8>);

impl TrackedPath {
    /// A path from its bytes. The caller gives normalised bytes: no empty, `.` or `..` component.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path of a name in the directory at this one.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> Self {
        if self.0.is_empty() {
            return Self::new(name);
        }
        Self([&self.0, b"/".as_slice(), name].concat())
    }
}

impl std::fmt::Display for TrackedPath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.split_first() {
            Some((0, other)) => write_other(other, formatter),
            _ => formatter.write_str(&String::from_utf8_lossy(&self.0)),
        }
    }
}

/// A path in another repository: its first component is an address with `%XX` for what a name can't hold.
fn write_other(path: &[u8], formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    let text = String::from_utf8_lossy(path);
    let (address, rest) = text.split_once('/').unwrap_or((&text, ""));
    let mut pieces = address.split('%');
    formatter.write_str(pieces.next().unwrap_or_default())?;
    for piece in pieces {
        let code = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let after = piece.get(2..).unwrap_or_default();
        write!(formatter, "{}{after}", code.map_or('?', char::from))?;
    }
    if rest.is_empty() { Ok(()) } else { write!(formatter, " {rest}") }
}

/// What was asked about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Question {
    /// Is there something of this name, of which kind, with which permission bits? (Walking through a directory
    /// depends on them.)
    Existence,
    /// Mode, size, kind: what `stat` shows, times left out. Says everything that existence does.
    Attributes,
    /// The names in a directory and their kinds.
    Listing,
    /// Where a symbolic link points.
    Link,
    /// The bytes of a file, and its mode.
    Content,
}

/// A digest of an answer. "There is nothing" is an answer with a digest of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub [u8; 32]);

impl std::fmt::Display for Fingerprint {
    /// Its first 16 hexadecimal digits: enough to see a difference.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Who asked first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reader {
    /// The process's command name as the kernel reports it; empty when it was gone before it could be asked.
    pub command: String,
    /// Its process id as seen from outside the machine; 0 for the executor itself.
    pub pid: u32,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What it was.
    pub fingerprint: Fingerprint,
    /// Who got it first.
    pub reader: Reader,
}

/// Every question asked, with its first answer. Sorted, so that equal sets have equal bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadSet {
    /// By path and question.
    pub answers: BTreeMap<(TrackedPath, Question), Answer>,
}

/// Answers questions about the repository as it is now.
pub trait FingerprintSource: Send + Sync {
    /// The digest of today's answer.
    ///
    /// # Errors
    /// When the repository can't be read (permission, I/O); never for something that is absent.
    fn fingerprint(&self, path: &TrackedPath, question: Question) -> std::io::Result<Fingerprint>;

    /// The digests of today's answers, in the order of the questions; fastest when they are sorted by path.
    ///
    /// # Errors
    /// As for one question.
    fn fingerprints(
        &self,
        questions: &[(&TrackedPath, Question)],
    ) -> std::io::Result<Vec<Fingerprint>> {
        questions.iter().map(|(path, question)| self.fingerprint(path, *question)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::TrackedPath;

    #[test]
    fn files_of_other_repositories_are_named_with_their_address() {
        let shown = |path: &str| TrackedPath::new(path).to_string();
        assert_eq!(shown("src/a"), "src/a");
        assert_eq!(shown("\0https:%2F%2Fhost%2Fx.git/src/a"), "https://host/x.git src/a");
        assert_eq!(shown("\0%2Fx"), "/x");
    }
}
