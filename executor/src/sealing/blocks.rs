//! Files of encrypted blocks that are read and written in any order. A block that was never written can't be read.
//!
//! A block is bound to its place and its file, not to its moment: whoever can write to the file while it is in use could
//! put back an earlier content of the same block. Files that nobody writes to any more are told by their time.

use super::Unreadable;
use super::header::{HEADER_BYTES, Kind, begin, read};
use super::key::{Cipher, Key, MORE_BYTES};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 4096;

/// Bytes of a block in the file.
const STEP_BYTES: usize = BLOCK_BYTES + MORE_BYTES;

/// See the module.
#[derive(Debug, Clone)]
pub struct SealedBlocks {
    file: Arc<File>,
    number: [u8; 32],
    cipher: Arc<Cipher>,
}

/// Where a block is in the file.
fn place(block: u64) -> io::Result<u64> {
    let offset = block.checked_mul(STEP_BYTES as u64);
    let offset = offset.and_then(|offset| offset.checked_add(HEADER_BYTES as u64));
    offset.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

impl SealedBlocks {
    /// Begins a new file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(file: File, key: &Key) -> io::Result<Self> {
        let (header, number, cipher) = begin(Kind::Blocks, key)?;
        file.write_all_at(&header, 0)?;
        Ok(Self { file: Arc::new(file), number, cipher: Arc::new(cipher) })
    }

    /// One that was begun.
    ///
    /// # Errors
    /// When it is none, or has another key.
    pub fn open(file: Arc<File>, key: &Key) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        read_whole(&file, &mut header, 0)?;
        let (number, cipher) = read(Kind::Blocks, key, &header)?;
        Ok(Self { file, number, cipher: Arc::new(cipher) })
    }

    /// How long a file with so many blocks is that were written from the first on.
    pub fn file_bytes(blocks: u64) -> Option<u64> {
        place(blocks).ok()
    }

    /// Tells it from every other file.
    pub const fn number(&self) -> &[u8; 32] {
        &self.number
    }

    /// The file.
    pub const fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Writes whole blocks from this one on.
    ///
    /// # Errors
    /// When these are no whole blocks, or the disk is full.
    pub fn write(&self, first: u64, blocks: &[u8]) -> io::Result<()> {
        let (whole, []) = blocks.as_chunks::<BLOCK_BYTES>() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut sealed = Vec::with_capacity(whole.len() * STEP_BYTES);
        for (number, block) in (first..).zip(whole) {
            self.cipher.seal(&number.to_le_bytes(), block, &mut sealed)?;
        }
        self.file.write_all_at(&sealed, place(first)?)
    }

    /// Reads whole blocks from this one on.
    ///
    /// # Errors
    /// When these are no whole blocks, or one of them was not written so.
    pub fn read(&self, first: u64, blocks: &mut [u8]) -> io::Result<()> {
        let (whole, []) = blocks.as_chunks_mut::<BLOCK_BYTES>() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut sealed = vec![0; whole.len() * STEP_BYTES];
        read_whole(&self.file, &mut sealed, place(first)?)?;
        let parts = sealed.as_chunks::<STEP_BYTES>().0;
        for ((number, block), part) in (first..).zip(whole).zip(parts) {
            self.cipher.open(&number.to_le_bytes(), part, block)?;
        }
        Ok(())
    }

    /// Reads any bytes.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let (first, skipped, whole) = around(offset, bytes.len());
        if skipped == 0 && whole == bytes.len() {
            return self.read(first, bytes);
        }
        let mut blocks = vec![0; whole];
        self.read(first, &mut blocks)?;
        let wanted = blocks.get(skipped..skipped + bytes.len()).unwrap_or_default();
        bytes.copy_from_slice(wanted);
        Ok(())
    }

    /// Writes any bytes. Blocks that they fill in part must be there.
    ///
    /// # Errors
    /// As [`Self::write`] and [`Self::read`].
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (first, skipped, whole) = around(offset, bytes.len());
        if skipped == 0 && whole == bytes.len() {
            return self.write(first, bytes);
        }
        let mut blocks = vec![0; whole];
        let end = skipped + bytes.len();
        let last = whole.saturating_sub(BLOCK_BYTES);
        if skipped > 0 {
            self.read(first, blocks.get_mut(..BLOCK_BYTES).unwrap_or_default())?;
        }
        if end < whole && (last > 0 || skipped == 0) {
            let number = first + (last / BLOCK_BYTES) as u64;
            self.read(number, blocks.get_mut(last..).unwrap_or_default())?;
        }
        blocks.get_mut(skipped..end).unwrap_or_default().copy_from_slice(bytes);
        self.write(first, &blocks)
    }
}

/// The first of the blocks that have these bytes, how far into it they begin, and how long the blocks are together.
fn around(offset: u64, length: usize) -> (u64, usize, usize) {
    let block = BLOCK_BYTES as u64;
    let skipped = usize::try_from(offset % block).unwrap_or(0);
    (offset / block, skipped, (skipped + length).next_multiple_of(BLOCK_BYTES))
}

/// What is not there any more was cut off.
fn read_whole(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(bytes, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Unreadable::Cut.into(),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::super::unreadable;
    use super::*;
    use proptest::prelude::*;

    const BLOCKS: usize = 6;

    /// A file whose blocks are each full of one letter.
    fn written(key: &Key) -> SealedBlocks {
        let blocks = SealedBlocks::begin(tempfile::tempfile().unwrap(), key).unwrap();
        for (number, letter) in (0..).zip(b'a'..).take(BLOCKS) {
            blocks.write(number, &[letter; BLOCK_BYTES]).unwrap();
        }
        blocks
    }

    fn fault(blocks: &SealedBlocks, block: u64) -> Option<Unreadable> {
        let read = blocks.read(block, &mut [0; BLOCK_BYTES]);
        read.err().map(|error| unreadable(&error).unwrap())
    }

    fn bytes_of(blocks: &SealedBlocks) -> Vec<u8> {
        let length = blocks.file().metadata().unwrap().len();
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        blocks.file().read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn another_key_and_another_kind_are_told_apart() {
        let key = Key::drawn().unwrap();
        let blocks = written(&key);
        let again = SealedBlocks::open(Arc::clone(blocks.file()), &key).unwrap();
        assert_eq!(again.number(), blocks.number());
        let mut read = [0; BLOCK_BYTES];
        again.read(3, &mut read).unwrap();
        assert_eq!(read, [b'd'; BLOCK_BYTES]);
        let refused = |file: File, key: &Key| {
            unreadable(&SealedBlocks::open(Arc::new(file), key).unwrap_err()).unwrap()
        };
        let same = || blocks.file().try_clone().unwrap();
        assert_eq!(refused(same(), &Key::drawn().unwrap()), Unreadable::Key);
        assert_eq!(refused(tempfile::tempfile().unwrap(), &key), Unreadable::Cut);
        let other = tempfile::tempfile().unwrap();
        other.write_all_at(&[b'x'; 100], 0).unwrap();
        assert_eq!(refused(other, &key), Unreadable::Kind);
        same().write_all_at(&[9], 8).unwrap();
        assert_eq!(refused(same(), &key), Unreadable::Version);
    }

    #[test]
    fn blocks_that_change_places_or_files_or_were_never_written_are_noticed() {
        let key = Key::drawn().unwrap();
        let (blocks, other) = (written(&key), written(&key));
        let bytes = bytes_of(&blocks);
        let at = |block: u64| usize::try_from(place(block).unwrap()).unwrap();
        let part = |block: u64| &bytes[at(block)..at(block + 1)];
        blocks.file().write_all_at(part(2), place(1).unwrap()).unwrap();
        blocks.file().write_all_at(part(1), place(2).unwrap()).unwrap();
        other.file().write_all_at(part(4), place(4).unwrap()).unwrap();
        for block in 0..BLOCKS as u64 {
            let expected = [1, 2].contains(&block).then_some(Unreadable::Changed);
            assert_eq!(fault(&blocks, block), expected, "{block}");
        }
        assert_eq!(fault(&other, 4), Some(Unreadable::Changed), "of another file");
        blocks.write(9, &[b'z'; BLOCK_BYTES]).unwrap();
        assert_eq!(fault(&blocks, 8), Some(Unreadable::Changed), "a hole");
        assert_eq!(fault(&blocks, 10), Some(Unreadable::Cut), "behind the end");
        assert_eq!(fault(&blocks, 9), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_flipped_bit_spoils_its_block_alone_and_a_cut_all_behind_it(
            place_of in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let key = Key::of(zeroize::Zeroizing::new([3; 32]));
            let blocks = written(&key);
            let bytes = bytes_of(&blocks);
            let place = place_of.index(bytes.len());
            blocks.file().write_all_at(&[bytes[place] ^ 1 << bit], place as u64).unwrap();
            let hit = place.checked_sub(HEADER_BYTES).map(|behind| (behind / STEP_BYTES) as u64);
            let opened = SealedBlocks::open(Arc::clone(blocks.file()), &key);
            prop_assert_eq!(opened.is_err(), hit.is_none());
            for block in 0..BLOCKS as u64 {
                prop_assert_eq!(fault(&blocks, block), (hit == Some(block)).then_some(Unreadable::Changed));
            }
            blocks.file().set_len(place as u64).unwrap();
            for block in hit.unwrap_or(0)..BLOCKS as u64 {
                prop_assert!(fault(&blocks, block).is_some());
            }
        }

        #[test]
        fn any_ranges_are_read_as_they_were_written(
            writes in prop::collection::vec((0..20_000_usize, 1..9000_usize, any::<u8>()), 1..8),
        ) {
            let blocks = written(&Key::of(zeroize::Zeroizing::new([3; 32])));
            let mut plain: Vec<u8> = (b'a'..).take(BLOCKS).flat_map(|letter| [letter; BLOCK_BYTES]).collect();
            for (start, length, byte) in writes {
                let end = (start + length).min(plain.len());
                plain[start..end].fill(byte);
                blocks.write_at(&vec![byte; end - start], start as u64).unwrap();
                let mut read = vec![0; end - start / 2];
                blocks.read_at(&mut read, (start / 2) as u64).unwrap();
                prop_assert_eq!(&read, &plain[start / 2..end]);
            }
        }
    }
}
