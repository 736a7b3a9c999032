//! A distribution's kernel as the plain ELF file that every virtual machine monitor boots.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Begins what `lz4 -l` wrote, with which Debian packs its cloud kernels.
const LZ4_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// Largest plain length of one of its blocks.
const BLOCK_BYTES: usize = 8 << 20;

/// Other ways to pack a kernel: first bytes and the program that unpacks.
const OTHERS: [(&[u8], &str); 3] =
    [(b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x1f\x8b\x08", "gzip")];

const ELF_MAGIC: &[u8] = b"\x7fELF";

/// Writes the kernel that is packed in `image` to `plain`.
pub(super) fn unpack(image: &Path, plain: &Path) -> Result<(), String> {
    let image = fs::read(image).map_err(|error| error.to_string())?;
    let places = (0..image.len()).map(|at| image.get(at..).unwrap_or_default());
    let unpacked = places.filter_map(packed).find(|bytes| bytes.starts_with(ELF_MAGIC));
    let unpacked = unpacked.ok_or("the kernel is packed in a way that is not known here")?;
    fs::write(plain, unpacked).map_err(|error| error.to_string())
}

/// What is packed here, if anything is.
fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    if let Some(blocks) = bytes.strip_prefix(&LZ4_MAGIC) {
        return Some(lz4_blocks(blocks));
    }
    let (_, program) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic))?;
    let file = tempfile::NamedTempFile::new().ok()?;
    fs::write(file.path(), bytes).ok()?;
    // What follows the packed kernel makes the program complain after it has written all.
    let input = fs::File::open(file.path()).ok()?;
    Command::new(program).arg("-dc").stdin(input).output().ok().map(|output| output.stdout)
}

fn lz4_blocks(mut bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((block, rest)) = rest.split_at_checked(length) else { break };
        let Some(block) = lz4_block(block) else { break };
        plain.extend(block);
        bytes = rest;
    }
    plain
}

/// Literals and copies of what came before, in turn.
fn lz4_block(mut block: &[u8]) -> Option<Vec<u8>> {
    let mut plain: Vec<u8> = Vec::with_capacity(BLOCK_BYTES);
    while let Some((token, rest)) = block.split_first() {
        block = rest;
        let count = length(usize::from(token >> 4), &mut block)?;
        let (literals, rest) = block.split_at_checked(count)?;
        plain.extend(literals);
        block = rest;
        // The last sequence has literals alone.
        let Some((back, rest)) = block.split_first_chunk() else { break };
        block = rest;
        let back = usize::from(u16::from_le_bytes(*back));
        let count = length(usize::from(token & 15), &mut block)? + 4;
        let start = plain.len().checked_sub(back).filter(|_| back > 0)?;
        for at in start..start + count {
            plain.push(*plain.get(at)?);
        }
    }
    Some(plain)
}

/// A length that goes on in further bytes while they are 255.
fn length(first: usize, block: &mut &[u8]) -> Option<usize> {
    let mut length = first;
    let mut goes_on = first == 15;
    while goes_on {
        let (next, rest) = block.split_first()?;
        length += usize::from(*next);
        goes_on = *next == 255;
        *block = rest;
    }
    Some(length)
}
