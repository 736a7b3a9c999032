//! Layers of images as arbitrary bytes, for fuzzing: nothing of them gets outside of the directory that they are unpacked into.

use super::unpacking::decompressed;
use crate::archive::{Meaning, Ownership, unpack};
use std::io::{self, Read};
use std::path::Path;

/// Most bytes that are unpacked: what a fuzzer may write with each of its inputs.
const MOST_BYTES: u64 = 1 << 20;

/// Unpacks them into `target`, an empty directory, once as a tree and once as a layer over nothing. What they are compressed
/// with is told by their beginning.
///
/// # Errors
/// When they are no layer.
pub fn unpack_any(bytes: &[u8], target: &Path) -> io::Result<()> {
    let content = || Ok::<_, io::Error>(decompressed(bytes)?.take(MOST_BYTES));
    let tree = unpack(content()?, target, Ownership::Own, Meaning::Tree);
    let layer = unpack(content()?, target, Ownership::Own, Meaning::Layer { below: &[] });
    tree.and(layer).map(drop)
}

/// Removes what was unpacked.
///
/// # Errors
/// When it can't be.
pub fn remove(target: &Path) -> io::Result<()> {
    crate::agent::remove_own_tree(target)
}
