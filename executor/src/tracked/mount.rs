//! Mounting a FUSE device the way the tracked files need it.
//!
//! Runs in whatever namespaces the caller is in; knows nothing of what will be served.

use rustix::fs::{Mode, OFlags};
use rustix::mount::MountFlags;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Where the device usually is.
pub const FUSE_DEVICE: &str = "/dev/fuse";

/// Opens `device` and mounts it at `target`: read-only, for all users, permission left to the kernel's own checks above.
///
/// Works as root and as the root of a user namespace. The reply to the kernel's first message is up to
/// [`TrackedServer::start`](super::TrackedServer::start), which takes the returned device; nothing must touch `target` before.
///
/// # Errors
/// When the device is missing or not permitted, or the caller may not mount.
pub fn mount_fuse(device: &Path, target: &Path) -> io::Result<OwnedFd> {
    let device = rustix::fs::open(device, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let descriptor = device.as_raw_fd();
    let options =
        format!("fd={descriptor},rootmode=40000,user_id={user},group_id={group},allow_other");
    let options = CString::new(options)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    rustix::mount::mount("layerc", target, "fuse.layerc", flags, options.as_c_str())?;
    Ok(device)
}
