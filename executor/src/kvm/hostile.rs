//! Kept machines, kernels and the words of a machine's process as arbitrary bytes, for fuzzing: whatever they are, reading them
//! is an answer or an error, and takes no more memory than it should.

use super::GuestMemory;
use super::backend::read_any_guest;
use super::boot::load_any;
use super::devices::DeviceBus;
use super::devices::hostile::every_kind;
use super::memory::memory_of;
use super::process::hear_any;
use super::snapshot::{Anything, file};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Write};

/// Bytes of the memory that devices are restored over and kernels are loaded into.
const MEMORY_BYTES: u64 = 16 << 20;

/// The files of a kept machine, as they are and behind a right beginning; devices are made of what they hold.
///
/// # Errors
/// When the host is out of something.
pub fn read_kept(bytes: &[u8]) -> io::Result<()> {
    read_any_guest(bytes);
    let memory = memory()?;
    for state in file::decode_any::<Anything>(bytes) {
        if state.is_possible() {
            let _refused = DeviceBus::restore(state.into_devices(), every_kind()?, &memory);
        }
    }
    Ok(())
}

/// A file that is to be booted.
///
/// # Errors
/// When the host is out of something.
pub fn load_kernel(bytes: &[u8]) -> io::Result<()> {
    let mut file = File::from(memfd_create("kernel", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    load_any(&memory()?, file);
    Ok(())
}

/// Packets from the process of a machine, each behind a byte that says how long it is and how many files come with it.
///
/// # Errors
/// When the host is out of something.
pub fn hear_process(bytes: &[u8]) -> io::Result<()> {
    hear_any(bytes)
}

fn memory() -> io::Result<GuestMemory> {
    memory_of(&[(0, MEMORY_BYTES)]).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::{hear_process, load_kernel, read_kept};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            read_kept(&bytes).unwrap();
            load_kernel(&bytes).unwrap();
            hear_process(&bytes).unwrap();
        }
    }
}
