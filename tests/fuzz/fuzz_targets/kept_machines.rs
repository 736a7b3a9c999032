//! Any bytes as the files of a kept machine, and as what is in them: a machine or an error.

#![no_main]

use layerc_executor::kvm::hostile::read_kept;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read_kept(bytes).expect("the host has what devices need");
});
