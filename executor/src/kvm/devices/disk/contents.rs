//! What a sparse file holds, as one number: the same however much of it the file system has room for.

use super::clusters::CLUSTER_BYTES;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Clusters that are read at once.
const CLUSTERS_AT_ONCE: u64 = 256;

/// BLAKE3 of the clusters that are not zero, each behind its number.
///
/// # Errors
/// When the file can't be read.
pub(in crate::kvm) fn digest_of_clusters(file: &File) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_derive_key("layerc clusters of a disk");
    let length = file.metadata()?.len();
    let mut at = 0;
    while let Some(data) = next(file, SeekFrom::Data(at))? {
        let end = next(file, SeekFrom::Hole(data))?.unwrap_or(length);
        // An end within a cluster: its rest is zero, and the cluster is looked at once.
        let (first, end) = (data / CLUSTER_BYTES, end.div_ceil(CLUSTER_BYTES));
        add(&mut hasher, file, length, first..end)?;
        at = end * CLUSTER_BYTES;
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Where the next of those begins; `None` behind the last.
fn next(file: &File, place: SeekFrom) -> io::Result<Option<u64>> {
    match seek(file, place) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Adds those clusters of a file of this length; what would be behind its end is zero.
fn add(
    hasher: &mut blake3::Hasher,
    file: &File,
    length: u64,
    clusters: Range<u64>,
) -> io::Result<()> {
    let mut piece = Vec::new();
    let mut number = clusters.start;
    while number < clusters.end {
        let count = (clusters.end - number).min(CLUSTERS_AT_ONCE);
        let (at, bytes) = (number * CLUSTER_BYTES, count * CLUSTER_BYTES);
        piece.clear();
        piece.resize(byte_count(bytes.min(length.saturating_sub(at))), 0);
        file.read_exact_at(&mut piece, at)?;
        piece.resize(byte_count(bytes), 0);
        for cluster in piece.chunks(byte_count(CLUSTER_BYTES)) {
            if cluster.iter().any(|byte| *byte != 0) {
                hasher.update(&number.to_le_bytes()).update(cluster);
            }
            number += 1;
        }
    }
    Ok(())
}

/// What is read at once is far below the limit.
fn byte_count(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of 1 GiB with these bytes at these places, and zeros that were written.
    fn file(written: &[(u64, &[u8])], zeros: &[u64]) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 30).unwrap();
        for place in zeros {
            file.write_all_at(&[0; 8192], *place).unwrap();
        }
        for (place, bytes) in written {
            file.write_all_at(bytes, *place).unwrap();
        }
        file
    }

    #[test]
    fn what_is_zero_counts_nothing_whether_it_takes_room_or_not() {
        let written: [(u64, &[u8]); 2] = [(4096, b"one"), (700 << 20, b"two")];
        let (sparse, full) = (file(&written, &[]), file(&written, &[0, 8192, 300 << 20]));
        assert_eq!(digest_of_clusters(&sparse).unwrap(), digest_of_clusters(&full).unwrap());
    }

    #[test]
    fn every_byte_and_every_place_counts() {
        let digest = |written: &[(u64, &[u8])]| digest_of_clusters(&file(written, &[])).unwrap();
        let usual = digest(&[(4096, b"one"), (700 << 20, b"two")]);
        for other in [
            [(4096, &b"one"[..]), (700 << 20, b"twp")],
            [(4097, b"one"), (700 << 20, b"two")],
            [(8192, b"one"), (700 << 20, b"two")],
            [(4096, b"two"), (700 << 20, b"one")],
            [(4096, b"one"), ((1 << 30) - 3, b"two")],
        ] {
            assert_ne!(digest(&other), usual, "{other:?}");
        }
    }
}
