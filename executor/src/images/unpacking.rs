//! One blob to one directory: decompressed, unpacked and compared with the digest of what it must contain.
//!
//! Runs in an agent: a process of its own, with the machine's user numbers, little memory and nothing to lose.

use super::packing::{PackOrder, Packed};
use crate::archive::{self, Meaning, Ownership, Unpacked};
use crate::backend::BackendError;
use crate::reference::digest::{Digest, Digesting};
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of one layer after decompression, its padding and headers included.
const TAR_LIMIT_BYTES: u64 = 300 << 30;

/// Bytes read from a blob at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Where a compressed layer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerBlob {
    /// A file.
    pub path: PathBuf,
    /// Where it begins in there.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
    /// What it must hash to, if nobody has looked yet.
    pub unchecked: Option<Digest>,
}

/// A layer to unpack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpackOrder {
    /// The layer.
    pub blob: LayerBlob,
    /// Digest of what it contains.
    pub content: Digest,
    /// An empty directory.
    pub target: PathBuf,
    /// What it lies on, top first.
    pub below: Vec<PathBuf>,
}

/// Unpacks with a machine's user numbers, packs, and removes what was unpacked with them.
pub trait Unpacker: std::fmt::Debug + Send + Sync {
    /// Unpacks a layer.
    ///
    /// # Errors
    /// When it is damaged, hostile or too large, or there is no space.
    fn unpack(&self, order: &UnpackOrder) -> Result<Unpacked, BackendError>;

    /// Packs a directory as a layer, with the owners that machines see.
    ///
    /// # Errors
    /// When it can't be read, or there is no space.
    fn pack(&self, order: &PackOrder) -> Result<Packed, BackendError>;

    /// Removes a directory.
    ///
    /// # Errors
    /// When something in it can't be removed.
    fn remove(&self, directory: &Path) -> Result<(), BackendError>;

    /// A word for the numbers files get, part of the names of layers: other numbers make other directories.
    fn numbers(&self) -> &'static str;

    /// What the user should know of them.
    fn note(&self) -> Option<String>;
}

/// Does what the order says.
pub(crate) fn unpack_layer(order: &UnpackOrder, ownership: Ownership) -> io::Result<Unpacked> {
    let mut file = File::open(&order.blob.path)?;
    file.seek(SeekFrom::Start(order.blob.offset))?;
    let mut compressed = Digesting::new(file.take(order.blob.length));
    let (content, unpacked) = {
        let reader = BufReader::with_capacity(BUFFER_BYTES, &mut compressed);
        let decompressed = decompressed(reader)?.take(TAR_LIMIT_BYTES);
        let mut content = Digesting::new(BufReader::with_capacity(BUFFER_BYTES, decompressed));
        let meaning = Meaning::Layer { below: &order.below };
        let unpacked = archive::unpack(&mut content, &order.target, ownership, meaning)?;
        // What follows the end of the archive belongs to the digest too.
        io::copy(&mut content, &mut io::sink())?;
        (content.finish().0, unpacked)
    };
    io::copy(&mut compressed, &mut io::sink())?;
    expect("the layer's content", &order.content, &content)?;
    if let Some(expected) = &order.blob.unchecked {
        expect("the layer", expected, &compressed.finish().0)?;
    }
    Ok(unpacked)
}

fn expect(what: &str, expected: &Digest, found: &Digest) -> io::Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{what} has the digest {found}, but {expected} was expected: it is damaged or was exchanged"
    )))
}

/// A stream that undoes whatever compression the first bytes show; media types are not relied on.
pub(super) fn decompressed<'a>(
    mut reader: impl io::BufRead + 'a,
) -> io::Result<Box<dyn Read + 'a>> {
    let beginning = reader.fill_buf()?;
    if beginning.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(MultiGzDecoder::new(reader)));
    }
    if beginning.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || beginning.get(1..4) == Some(&[0x2a, 0x4d, 0x18])
    {
        return Ok(Box::new(ZstandardFrames { reader: Some(reader), frame: None }));
    }
    Ok(Box::new(reader))
}

/// Several frames of Zstandard, one after the other, as parallel compressors write them.
struct ZstandardFrames<R: io::BufRead> {
    /// Between two frames.
    reader: Option<R>,
    /// In a frame.
    frame: Option<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: io::BufRead> Read for ZstandardFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                match frame.read(buffer)? {
                    0 if !buffer.is_empty() => {
                        self.reader = self.frame.take().map(StreamingDecoder::into_inner);
                    }
                    count => return Ok(count),
                }
            }
            let Some(mut reader) = self.reader.take() else { return Ok(0) };
            if reader.fill_buf()?.is_empty() || !skip_note(&mut reader)? {
                return Ok(0);
            }
            self.frame = Some(StreamingDecoder::new(reader).map_err(io::Error::other)?);
        }
    }
}

/// Skips frames that only hold notes of the compressor; says whether anything follows.
fn skip_note(reader: &mut impl io::BufRead) -> io::Result<bool> {
    loop {
        let beginning = reader.fill_buf()?;
        if beginning.is_empty() {
            return Ok(false);
        }
        let is_note = beginning.get(1..4) == Some(&[0x2a, 0x4d, 0x18]);
        if !is_note {
            return Ok(true);
        }
        let mut head = [0; 8];
        reader.read_exact(&mut head)?;
        let [.., a, b, c, d] = head;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        io::copy(&mut reader.take(length), &mut io::sink())?;
    }
}
