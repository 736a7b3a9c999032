//! One directory to one blob: packed, compressed, and both digests known.
//!
//! Runs in an agent, which sees the owners that machines see.

use crate::archive;
use crate::reference::digest::{Digest, Digesting};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Bytes written to a blob at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A layer to pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackOrder {
    /// What is in it; nobody changes it.
    pub directory: PathBuf,
    /// A new file.
    pub blob: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// Digest of the uncompressed layer.
    pub content: Digest,
    /// Digest of the file.
    pub blob: Digest,
    /// Length of the file.
    pub size_bytes: u64,
}

/// Does what the order says.
pub(crate) fn pack_layer(order: &PackOrder) -> io::Result<Packed> {
    let file = BufWriter::with_capacity(BUFFER_BYTES, File::create_new(&order.blob)?);
    // A base is written once and read once or twice; the highest levels cost minutes for a few per cent.
    let compressed = GzEncoder::new(Digesting::new(file), Compression::fast());
    let mut content = Digesting::new(BufWriter::with_capacity(BUFFER_BYTES, compressed));
    archive::pack(&order.directory, &mut content)?;
    let (content, buffered) = content.into_parts();
    let compressed = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
    let mut blob = compressed.finish()?;
    blob.flush()?;
    let size_bytes = blob.bytes();
    let (blob, file) = blob.into_parts();
    file.get_ref().sync_all()?;
    Ok(Packed { content, blob, size_bytes })
}
