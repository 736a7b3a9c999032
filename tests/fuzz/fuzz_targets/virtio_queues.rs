//! A driver made of any bytes, for every kind of device of a virtual machine: registers, descriptors and memory as it
//! likes. No panic, nothing outside of the guest's memory, no work without end.

#![no_main]

use layerc_executor::kvm::devices::hostile::{drive, every_kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    drive(every_kind().expect("the host has what devices need"), bytes);
});
