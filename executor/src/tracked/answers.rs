//! The digests of answers: one encoding per question, each with its own prefix, so no two can be confused.
//!
//! Does not know where answers come from. The encodings are part of cache records: a change here must change
//! [`PREFIX`].

use super::kind::Kind;
use super::listing::Listing;
use crate::read_set::Fingerprint;

/// Starts every encoding; carries the version of all of them.
const PREFIX: &[u8] = b"layerc answer 1\0";

fn digest(tag: u8, parts: &[&[u8]]) -> Fingerprint {
    let mut hasher = blake3::Hasher::new();
    hasher.update(PREFIX);
    hasher.update(&[tag]);
    for part in parts {
        hasher.update(part);
    }
    Fingerprint(*hasher.finalize().as_bytes())
}

/// Nothing of this name, whatever the question.
pub(super) fn absent() -> Fingerprint {
    digest(b'0', &[])
}

/// Something of this kind, which the question does not apply to (the listing of a file).
pub(super) fn not_applicable(kind: Kind) -> Fingerprint {
    digest(b'x', &[&[kind.code()]])
}

/// Something the executor itself may not look at; steps are told the same.
pub(super) fn denied() -> Fingerprint {
    digest(b'p', &[])
}

/// An answer that was not one answer: the thing changed while it was read. Equal to no honest answer.
pub(super) fn unstable() -> Fingerprint {
    digest(b'?', &[])
}

/// Kind and permission bits: by them the kernel decides, without asking, who may enter or open.
pub(super) fn existence(kind: Kind, mode: u16) -> Fingerprint {
    digest(b'e', &[&[kind.code()], &mode.to_le_bytes()])
}

/// What `stat` shows, times left out. Size in bytes; 0 for directories, whose size is the disk's affair.
pub(super) fn attributes(kind: Kind, mode: u16, size: u64) -> Fingerprint {
    digest(b'a', &[&[kind.code()], &mode.to_le_bytes(), &size.to_le_bytes()])
}

/// Names and kinds.
pub(super) fn listing(listing: &Listing) -> Fingerprint {
    let mut encoded = Vec::with_capacity(8 + listing.entries().len() * 24);
    encoded.extend_from_slice(&(listing.entries().len() as u64).to_le_bytes());
    for entry in listing.entries() {
        encoded.push(entry.kind.code());
        encoded.extend_from_slice(&(entry.name.len() as u32).to_le_bytes());
        encoded.extend_from_slice(&entry.name);
    }
    digest(b'd', &[&encoded])
}

/// Where a link points.
pub(super) fn link(target: &[u8]) -> Fingerprint {
    digest(b'l', &[target])
}

/// A file's bytes (as their own BLAKE3) and permission bits.
pub(super) fn content(mode: u16, bytes: &blake3::Hash) -> Fingerprint {
    digest(b'c', &[&mode.to_le_bytes(), bytes.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::{absent, attributes, content, denied, existence, link, not_applicable, unstable};
    use crate::tracked::kind::Kind;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_answers_share_a_digest() {
        let all = [
            absent(),
            unstable(),
            not_applicable(Kind::File),
            not_applicable(Kind::Directory),
            denied(),
            existence(Kind::File, 0o644),
            existence(Kind::File, 0o755),
            existence(Kind::Directory, 0o755),
            attributes(Kind::File, 0o644, 0),
            attributes(Kind::File, 0o644, 1),
            link(b""),
            link(b"a"),
            content(0o644, &blake3::hash(b"")),
            content(0o755, &blake3::hash(b"")),
            content(0o644, &blake3::hash(b"a")),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
