//! Bytes from the other end of a machine's socket: a message or an error, never a panic or a large allocation.
//!
//! The input is tried as a stream, and as one payload under a correct length.

#![no_main]

use layerc_executor::agent::protocol::{Reply, Request, receive, send};
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    let length = u32::try_from(bytes.len()).expect("inputs are short");
    check(&[&length.to_le_bytes()[..], bytes].concat());
});

fn check(bytes: &[u8]) {
    if let Ok(reply) = receive::<Reply>(&mut Cursor::new(bytes)) {
        let mut sent = Vec::new();
        send(&mut sent, &reply).expect("what was received can be sent");
        receive::<Reply>(&mut Cursor::new(&sent)).expect("and received again");
    }
    if let Ok(request) = receive::<Request>(&mut Cursor::new(bytes)) {
        let mut sent = Vec::new();
        send(&mut sent, &request).expect("what was received can be sent");
        receive::<Request>(&mut Cursor::new(&sent)).expect("and received again");
    }
}
