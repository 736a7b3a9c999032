//! Plan files from anywhere: decoding gives a plan or an error, never a panic or a large allocation.
//!
//! The input is tried as a whole file, and as a payload under a correct header: no fuzzer guesses a checksum.

#![no_main]

use layerc_planner::codec::{FORMAT_VERSION, decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&with_header(bytes));
});

fn check(bytes: &[u8]) {
    let Ok(plan) = decode(bytes) else { return };
    let written = encode(&plan).expect("what was decoded can be written");
    let again = decode(&written).expect("what was written can be read");
    assert_eq!(written, encode(&again).expect("and written again"), "the second writing differs");
}

fn with_header(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u64;
    let checksum = blake3::hash(payload);
    [
        b"LAYERC\x1a\n",
        &FORMAT_VERSION.to_le_bytes()[..],
        &length.to_le_bytes(),
        checksum.as_bytes(),
        payload,
    ]
    .concat()
}
