//! Packets of any bytes with any files, between a run and the process of its machine: a message or an error, and texts for people
//! that move no cursor.

#![no_main]

use layerc_executor::kvm::hostile::hear_process;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    hear_process(bytes).expect("the host has sockets");
});
