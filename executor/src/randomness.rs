//! Randomness of the system (getrandom(2)): for keys, for numbers that no two may share, for guests.
//!
//! Knows nothing of what it is for.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

/// Fills all of it.
///
/// # Errors
/// When the system has none.
pub(crate) fn draw(bytes: &mut [u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match getrandom(&mut *rest, GetRandomFlags::empty()) {
            Ok(drawn) => rest = rest.get_mut(drawn..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
