//! Read-ahead of a FUSE connection: how much of a large file the kernel asks for before it is wanted.
//!
//! Speed depends on it and nothing else, so where it can't be set nothing is said. Knows no files.

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Four of the largest pieces that the kernel asks for (1 MiB), so that some are under way while one is used.
/// The kernel's own choice is 128.
const READ_AHEAD_KIBIBYTES: &str = "4096";

/// Raises the read-ahead of the connection of an opened FUSE device that has answered the kernel's first message, which resets it.
/// Takes the machine's administrator, and a kernel that tells a device's connection (Linux 6.17).
pub(super) fn raise_read_ahead(device: BorrowedFd<'_>) {
    let Ok(told) = fs::read_to_string(format!("/proc/self/fdinfo/{}", device.as_raw_fd())) else {
        return;
    };
    let connection = told.lines().find_map(|line| line.strip_prefix("fuse_connection:"));
    if let Some(number) = connection.and_then(|number| number.trim().parse::<u32>().ok()) {
        // The connection's number is the device number of its mount, of major number 0.
        drop(fs::write(format!("/sys/class/bdi/0:{number}/read_ahead_kb"), READ_AHEAD_KIBIBYTES));
    }
}
