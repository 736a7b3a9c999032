//! Any bytes as encrypted files, and encrypted files with any changes: what was written, or an error.
//!
//! The first bytes of an input say where something changes; the rest is what is encrypted.

#![no_main]

use layerc_executor::sealing::{
    BLOCK_BYTES, Key, SealedBlocks, StreamReader, StreamWriter, open_message, seal_message,
};
use libfuzzer_sys::fuzz_target;
use std::io::{Cursor, Read, Write};
use std::sync::Arc;

fuzz_target!(|bytes: &[u8]| {
    let key = Key::drawn().expect("the system has randomness");
    assert!(open_message(&key, "", bytes).is_err() && stream(&key, bytes).is_none());
    assert!(block(&key, bytes).is_none());
    let Some((change, text)) = bytes.split_first_chunk::<4>() else { return };
    let message = seal_message(&key, "name", text).expect("it is encrypted");
    let opened = open_message(&key, "name", &changed(&message, *change)).ok();
    expect(opened.map(|text| text.to_vec()), text, *change);
    let mut writer = StreamWriter::begin(Vec::new(), &key).expect("memory can be written");
    writer.add(text).expect("memory can be written");
    let written = writer.finish().expect("memory can be written");
    expect(stream(&key, &changed(&written, *change)), text, *change);
    let mut whole = text.to_vec();
    whole.resize(BLOCK_BYTES, 0);
    whole.truncate(BLOCK_BYTES);
    let blocks = SealedBlocks::begin(file(&[]), &key).expect("memory can be written");
    blocks.write(0, &whole).expect("memory can be written");
    let mut written = Vec::new();
    let mut all = blocks.file().try_clone().expect("it is open");
    std::io::Seek::rewind(&mut all).expect("it has a beginning");
    all.read_to_end(&mut written).expect("memory can be read");
    expect(block(&key, &changed(&written, *change)), &whole, *change);
});

/// What was read is what was written if nothing was changed, and nothing otherwise.
fn expect(read: Option<Vec<u8>>, written: &[u8], change: [u8; 4]) {
    let expected = (change[3] == 0).then(|| written.to_vec());
    assert!(read == expected, "a change was not noticed");
}

/// Some bytes otherwise, or some fewer.
fn changed(bytes: &[u8], [low, high, cut, flipped]: [u8; 4]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let place = usize::from(u16::from_le_bytes([low, high])) % bytes.len();
    if flipped > 0 && cut % 2 == 0 {
        changed[place] ^= flipped;
    } else if flipped > 0 {
        changed.truncate(place);
    }
    changed
}

fn stream(key: &Key, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = StreamReader::open(Cursor::new(bytes), key).ok()?;
    let mut text = Vec::new();
    while let Some(piece) = reader.next_piece().ok()? {
        text.extend(piece);
    }
    Some(text)
}

fn block(key: &Key, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut block = vec![0; BLOCK_BYTES];
    SealedBlocks::open(Arc::new(file(bytes)), key).ok()?.read(0, &mut block).ok()?;
    Some(block)
}

fn file(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile_in("/dev/shm").expect("there is room in memory");
    file.write_all(bytes).expect("there is room in memory");
    file
}
