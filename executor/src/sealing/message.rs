//! Small files that are read as a whole.

use super::Unreadable;
use super::header::{HEADER_BYTES, Kind, begin, is_of, read};
use super::key::{Key, MORE_BYTES};
use std::io;
use zeroize::Zeroizing;

/// The bytes of a file that holds this. Only whoever says the same `name` can read it: files can't stand for each other.
///
/// # Errors
/// When the system has no randomness.
pub fn seal_message(key: &Key, name: &str, text: &[u8]) -> io::Result<Vec<u8>> {
    let (mut sealed, _, cipher) = begin(Kind::Message, key)?;
    cipher.seal(name.as_bytes(), text, &mut sealed)?;
    Ok(sealed)
}

/// What a file holds.
///
/// # Errors
/// When it is none, was changed, or has another key or name.
pub fn open_message(
    key: &Key,
    name: &str,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let (_, cipher) = read(Kind::Message, key, sealed)?;
    let sealed = sealed.get(HEADER_BYTES..).unwrap_or_default();
    let length = sealed.len().checked_sub(MORE_BYTES).ok_or(Unreadable::Cut)?;
    let mut text = Zeroizing::new(vec![0; length]);
    cipher.open(name.as_bytes(), sealed, &mut text)?;
    Ok(text)
}

/// Whether a file that begins so is meant to be one of these.
pub fn is_message(bytes: &[u8]) -> bool {
    is_of(Kind::Message, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_cut_flipped_bit_and_other_name_or_key_is_noticed() {
        let (key, other) = (Key::drawn().unwrap(), Key::drawn().unwrap());
        let sealed = seal_message(&key, "a", b"the text").unwrap();
        assert!(is_message(&sealed) && !sealed.windows(4).any(|part| part == b"text"));
        assert_eq!(**open_message(&key, "a", &sealed).unwrap(), *b"the text");
        assert_eq!(open_message(&key, "b", &sealed), Err(Unreadable::Changed));
        assert_eq!(open_message(&other, "a", &sealed), Err(Unreadable::Key));
        for place in 0..sealed.len() {
            assert!(open_message(&key, "a", &sealed[..place]).is_err(), "cut at {place}");
            let mut flipped = sealed.clone();
            flipped[place] ^= 1 << (place % 8);
            assert!(open_message(&key, "a", &flipped).is_err(), "a bit of {place}");
        }
        assert_ne!(seal_message(&key, "a", b"the text").unwrap(), sealed, "no two are the same");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let key = Key::of(Zeroizing::new([7; 32]));
            prop_assert!(open_message(&key, "", &bytes).is_err());
            let behind_a_header = [b"layercSM\x01\0\0\0", &bytes[..]].concat();
            prop_assert!(open_message(&key, "", &behind_a_header).is_err());
        }
    }
}
