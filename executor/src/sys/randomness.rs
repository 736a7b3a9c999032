//! Giving the kernel randomness that counts, and making it use it at once: what a restored machine needs.

use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::AsRawFd;

/// Bytes that are given at a time.
const BYTES: usize = 32;

/// `struct rand_pool_info` of `linux/random.h` with a buffer of [`BYTES`].
#[repr(C)]
struct PoolInformation {
    entropy_bits: libc::c_int,
    buffer_bytes: libc::c_int,
    buffer: [u8; BYTES],
}

/// `RNDADDENTROPY`: `_IOW('R', 0x03, int [2])`.
const ADD: libc::c_ulong = 0x4008_5203;

/// `RNDRESEEDCRNG`: `_IO('R', 0x07)`.
const RESEED: libc::c_ulong = 0x5207;

/// Adds randomness, all of it new, and draws everything from it from now on.
pub(crate) fn add_randomness(bytes: &[u8; BYTES]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let device = rustix::fs::open("/dev/random", flags, Mode::empty())?;
    let information = PoolInformation {
        entropy_bits: (BYTES * 8) as libc::c_int,
        buffer_bytes: BYTES as libc::c_int,
        buffer: *bytes,
    };
    // SAFETY: RNDADDENTROPY reads two integers and as many bytes as the second says from the pointer; the structure has
    // that layout (repr(C)), that many bytes, and lives until the call returns.
    let added = unsafe { libc::ioctl(device.as_raw_fd(), ADD as _, &raw const information) };
    if added < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: RNDRESEEDCRNG takes no argument.
    let seeded = unsafe { libc::ioctl(device.as_raw_fd(), RESEED as _) };
    if seeded < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
