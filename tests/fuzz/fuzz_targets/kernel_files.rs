//! Any bytes as a kernel that is to be booted: nothing is written outside of the guest's memory.
//!
//! The input is tried as it is, and as what follows the beginnings of both formats.

#![no_main]

use layerc_executor::kvm::hostile::load_kernel;
use libfuzzer_sys::fuzz_target;

/// Where a bzImage says what it is, and as what.
const MARK: (usize, &[u8]) = (0x202, b"HdrS");

fuzz_target!(|bytes: &[u8]| {
    let mut with_mark = bytes.to_vec();
    with_mark.resize(bytes.len().max(MARK.0 + MARK.1.len()), 0);
    with_mark[MARK.0..MARK.0 + MARK.1.len()].copy_from_slice(MARK.1);
    for input in [bytes, &[b"\x7fELF\x02\x01\x01", bytes].concat(), &with_mark] {
        load_kernel(input).expect("the host has memory");
    }
});
