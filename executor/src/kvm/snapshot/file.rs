//! The state file: a mark, a version, a length, a checksum, then the state. Whatever its bytes are, reading it is an
//! answer or an error, and takes no more memory than the file has bytes.

use super::unusable;
use crate::kvm::Secrecy;
use crate::kvm::error::MachineError;
use crate::sealing::is_message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// What the file begins with.
const MARK: [u8; 8] = *b"layercVM";

/// Version of the layout. Another one is refused: the step runs again.
const VERSION: u32 = 4;

/// Largest state. Eight processors take 100 KiB, 16,384 places of memory 300 KiB.
const MOST_BYTES: usize = 16 << 20;

/// Mark, version, length of the state, checksum.
const HEADER_BYTES: usize = 8 + 4 + 8 + 32;

/// What the checksum is of: everything but itself.
fn checksum(payload: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&MARK).update(&VERSION.to_le_bytes()).update(payload);
    *hasher.finalize().as_bytes()
}

/// Those parts as a file.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    [&MARK[..], &VERSION.to_le_bytes(), &length, &checksum(payload), payload].concat()
}

/// The bytes of a file.
fn encode(state: &impl Serialize) -> Result<Vec<u8>, MachineError> {
    let payload = postcard::to_allocvec(state)
        .map_err(|error| MachineError::Processor(format!("its state can't be written: {error}")))?;
    Ok(framed(&payload))
}

/// The state in these bytes, or what is wrong with them.
fn decode<S: DeserializeOwned>(bytes: &[u8]) -> Result<S, &'static str> {
    let cut = "it is cut short";
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES).ok_or(cut)?;
    let (mark, rest) = header.split_first_chunk().ok_or(cut)?;
    let (version, rest) = rest.split_first_chunk().ok_or(cut)?;
    let (length, sum) = rest.split_first_chunk().ok_or(cut)?;
    if *mark != MARK {
        return Err("it is no state of a machine");
    }
    if u32::from_le_bytes(*version) != VERSION {
        return Err("it was written by another version of this program");
    }
    if u64::from_le_bytes(*length) != payload.len() as u64 {
        return Err("it is cut short or has bytes too many");
    }
    if checksum(payload) != *sum {
        return Err("its checksum is wrong");
    }
    match postcard::take_from_bytes(payload) {
        Ok((state, [])) => Ok(state),
        Ok(_) | Err(_) => Err("it can't be understood"),
    }
}

/// What these bytes are, taken for a file and for what is in one.
#[cfg(any(test, fuzzing))]
pub(in crate::kvm) fn decode_any<S: DeserializeOwned>(bytes: &[u8]) -> Vec<S> {
    [decode(bytes), decode(&framed(bytes))].into_iter().flatten().collect()
}

/// Writes a new file, for its owner alone.
pub(in crate::kvm) fn write(
    path: &Path,
    state: &impl Serialize,
    secrecy: &Secrecy,
) -> Result<(), MachineError> {
    let writing = || MachineError::system("write a machine's state");
    let bytes = secrecy.sealed(path, encode(state)?).map_err(writing())?;
    let mut options = File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(&bytes)).map_err(writing())
}

/// Writes a state into a file that is open and empty.
pub(in crate::kvm) fn write_open(file: &File, state: &impl Serialize) -> Result<(), MachineError> {
    let bytes = encode(state)?;
    file.write_all_at(&bytes, 0).map_err(MachineError::system("write a machine's state"))
}

/// Reads one.
pub(in crate::kvm) fn read<S: DeserializeOwned>(
    path: &Path,
    secrecy: &Secrecy,
) -> Result<S, MachineError> {
    let file = File::open(path).map_err(|error| unusable(path, error))?;
    let bytes =
        secrecy.opened(path, bytes_of(&file, path)?).map_err(|error| unusable(path, error))?;
    decode(&bytes).map_err(|reason| unusable(path, reason))
}

/// Whether the file at `path` is encrypted.
pub(in crate::kvm) fn is_sealed(path: &Path) -> Result<bool, MachineError> {
    let file = File::open(path).map_err(|error| unusable(path, error))?;
    let mut beginning = Vec::new();
    let read = file.take(MARK.len() as u64).read_to_end(&mut beginning);
    read.map_err(|error| unusable(path, error))?;
    Ok(is_message(&beginning))
}

/// Reads one that is open, from its beginning. `path` is what it is called in messages.
pub(in crate::kvm) fn read_open<S: DeserializeOwned>(
    file: &File,
    path: &Path,
) -> Result<S, MachineError> {
    decode(&bytes_of(file, path)?).map_err(|reason| unusable(path, reason))
}

/// All of it, by place: processes of copies read one and the same open file at once.
fn bytes_of(file: &File, path: &Path) -> Result<Vec<u8>, MachineError> {
    let broken = |error| unusable(path, error);
    let length = usize::try_from(file.metadata().map_err(broken)?.len()).unwrap_or(usize::MAX);
    if length > MOST_BYTES {
        return Err(unusable(path, "it is longer than any state of a machine"));
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0).map_err(broken)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kvm::snapshot::state::MachineState;
    use proptest::prelude::*;

    type Sample = (u64, String, Vec<u8>);

    #[test]
    fn many_read_one_open_file_at_once() {
        let file = tempfile::tempfile().unwrap();
        let sample: Sample = (1, "text".to_owned(), vec![7; 400_000]);
        write_open(&file, &sample).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                // Another descriptor of the same open file, as a process is handed it.
                let (own, sample) = (file.try_clone().unwrap(), &sample);
                scope.spawn(move || {
                    for _ in 0..50 {
                        let read: Sample = read_open(&own, Path::new("state")).unwrap();
                        assert!(read == *sample);
                    }
                });
            }
        });
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let sample: Sample = (1, "text".to_owned(), vec![7; 40]);
        let bytes = encode(&sample).unwrap();
        assert_eq!(decode(&bytes), Ok(sample));
        for place in 0..bytes.len() {
            assert!(decode::<Sample>(&bytes[..place]).is_err(), "cut at {place}");
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[place] ^= 1 << bit;
                assert!(decode::<Sample>(&other).is_err(), "bit {bit} of {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_payload_with_a_right_checksum_is_a_state_or_an_error(
            payload in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let _ = decode::<MachineState>(&framed(&payload)).map(|state| state.fault());
        }
    }
}
