//! Files that are written once, from their beginning to their end, and read the same way.
//!
//! Each piece says which it is and whether it is the last, so that nothing can be left out, added or exchanged.

use super::Unreadable;
use super::header::{HEADER_BYTES, Kind, begin, is_of, read};
use super::key::{Cipher, Key, MORE_BYTES};
use std::io::{self, Read, Write};

/// Bytes of every piece but the last.
const PIECE_BYTES: usize = 64 << 10;

/// Where a piece belongs.
fn place(number: u64, end: End) -> Vec<u8> {
    let end = match end {
        End::Goes => 0,
        End::Here => 1,
    };
    [&number.to_le_bytes()[..], &[end]].concat()
}

/// Whether something comes behind a piece.
#[derive(Clone, Copy)]
enum End {
    Goes,
    Here,
}

/// Writes one.
#[derive(Debug)]
pub struct StreamWriter<W> {
    inner: W,
    cipher: Cipher,
    held: Vec<u8>,
    number: u64,
}

impl<W: Write> StreamWriter<W> {
    /// Begins one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(mut inner: W, key: &Key) -> io::Result<Self> {
        let (header, _, cipher) = begin(Kind::Stream, key)?;
        inner.write_all(&header)?;
        Ok(Self { inner, cipher, held: Vec::new(), number: 0 })
    }

    /// Adds to it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            // A full piece is written once it is known not to be the last.
            if self.held.len() == PIECE_BYTES {
                self.release(End::Goes)?;
            }
            let (part, left) = rest.split_at(rest.len().min(PIECE_BYTES - self.held.len()));
            self.held.extend_from_slice(part);
            rest = left;
        }
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.release(End::Here)?;
        Ok(self.inner)
    }

    fn release(&mut self, end: End) -> io::Result<()> {
        let mut sealed = Vec::with_capacity(PIECE_BYTES + MORE_BYTES);
        self.cipher.seal(&place(self.number, end), &self.held, &mut sealed)?;
        self.held.clear();
        self.number += 1;
        self.inner.write_all(&sealed)
    }
}

/// Reads one.
#[derive(Debug)]
pub struct StreamReader<R> {
    inner: R,
    cipher: Cipher,
    number: u64,
    is_over: bool,
}

impl<R: Read> StreamReader<R> {
    /// One that was written.
    ///
    /// # Errors
    /// When it is none, or has another key.
    pub fn open(mut inner: R, key: &Key) -> io::Result<Self> {
        let mut header = Vec::new();
        inner.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut header)?;
        let (_, cipher) = read(Kind::Stream, key, &header)?;
        Ok(Self { inner, cipher, number: 0, is_over: false })
    }

    /// The next piece; `None` behind the last.
    ///
    /// # Errors
    /// When it was not written so, or there is no last one.
    pub fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut sealed = Vec::new();
        let most = PIECE_BYTES + MORE_BYTES;
        self.inner.by_ref().take(most as u64).read_to_end(&mut sealed)?;
        match (self.is_over, sealed.is_empty()) {
            (true, true) => return Ok(None),
            (true, false) => return Err(Unreadable::Changed.into()),
            (false, true) => return Err(Unreadable::Cut.into()),
            (false, false) => {}
        }
        let length = sealed.len().checked_sub(MORE_BYTES).ok_or(Unreadable::Cut)?;
        let mut piece = vec![0; length];
        let goes = place(self.number, End::Goes);
        if length < PIECE_BYTES || self.cipher.open(&goes, &sealed, &mut piece).is_err() {
            self.cipher.open(&place(self.number, End::Here), &sealed, &mut piece)?;
            self.is_over = true;
        }
        self.number += 1;
        Ok(Some(piece))
    }
}

/// Whether a file that begins so is meant to be one of these.
pub fn is_stream(bytes: &[u8]) -> bool {
    is_of(Kind::Stream, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> Key {
        Key::of(zeroize::Zeroizing::new([5; 32]))
    }

    fn written(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = StreamWriter::begin(Vec::new(), &key()).unwrap();
        parts.iter().for_each(|part| writer.add(part).unwrap());
        writer.finish().unwrap()
    }

    fn whole(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut reader = StreamReader::open(bytes, &key())?;
        let mut text = Vec::new();
        while let Some(piece) = reader.next_piece()? {
            text.extend(piece);
        }
        Ok(text)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_was_written_is_read_and_nothing_else(
            parts in prop::collection::vec((any::<u8>(), 0..100_000_usize), 0..4),
            cut in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let parts: Vec<_> = parts.into_iter().map(|(byte, length)| vec![byte; length]).collect();
            let bytes = written(&parts);
            prop_assert!(is_stream(&bytes));
            prop_assert_eq!(whole(&bytes).unwrap(), parts.concat());
            let place = cut.index(bytes.len());
            prop_assert!(whole(&bytes[..place]).is_err());
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            prop_assert!(whole(&flipped).is_err());
            prop_assert!(whole(&[&bytes[..], b"x"].concat()).is_err());
        }
    }

    #[test]
    fn pieces_can_be_neither_exchanged_nor_left_out_at_their_borders() {
        let step = PIECE_BYTES + MORE_BYTES;
        for length in [0, PIECE_BYTES, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 1] {
            let bytes = written(&[vec![b'x'; length]]);
            assert_eq!(whole(&bytes).unwrap().len(), length);
        }
        let bytes = written(&[vec![b'x'; 3 * PIECE_BYTES]]);
        let (header, pieces) = bytes.split_at(HEADER_BYTES);
        let pieces: Vec<&[u8]> = pieces.chunks(step).collect();
        for order in [&[1, 0, 2][..], &[0, 2], &[0, 1], &[0, 1, 1], &[0], &[]] {
            let other: Vec<u8> = order.iter().flat_map(|number| pieces[*number]).copied().collect();
            assert!(whole(&[header, &other].concat()).is_err(), "{order:?}");
        }
    }
}
