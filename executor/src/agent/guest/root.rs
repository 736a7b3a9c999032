//! The machine's root: from the archive in memory to the disk, and what every root has besides files.

use super::super::failure::{Doing, Failure};
use super::super::stage::mount_terminals;
use rustix::mount::{MountFlags, mount, mount_move};
use std::ffi::CStr;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// The first disk.
const DISK: &str = "/dev/vda";

/// Where the disk is mounted before it is the root.
const NEW_ROOT: &str = "/root-disk";

/// How long the disk may take to appear after its driver was loaded.
const DISK_PATIENCE: Duration = Duration::from_secs(20);

/// The agent's own directory, on memory: what is mounted for it alone is in there.
pub(super) const OWN_DIRECTORY: &str = "/run/layerc";

/// Where the repository's files are mounted.
pub(super) const REPOSITORY: &str = "/run/layerc/tracked";

const NO_PROGRAMS: MountFlags =
    MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Directories in which the kernel shows itself, and the one for what lives until the machine ends.
pub(super) fn mount_kernel_interfaces() -> Result<(), Failure> {
    mount_once("proc", "/proc", "proc", NO_PROGRAMS, None)?;
    mount_once("sysfs", "/sys", "sysfs", NO_PROGRAMS, None)?;
    mount_once("devtmpfs", "/dev", "devtmpfs", MountFlags::NOSUID, Some(c"mode=0755"))?;
    let own = MountFlags::NOSUID.union(MountFlags::NODEV);
    mount_once("tmpfs", "/run", "tmpfs", own, Some(c"mode=0755"))
}

/// Mounts unless the kernel has done so itself.
fn mount_once(
    source: &str,
    target: &str,
    kind: &str,
    flags: MountFlags,
    options: Option<&CStr>,
) -> Result<(), Failure> {
    fs::create_dir_all(target).doing(|| format!("make {target}"))?;
    match mount(source, target, kind, flags, options) {
        Ok(()) | Err(rustix::io::Errno::BUSY) => Ok(()),
        Err(error) => Err(error).doing(|| format!("mount {target}")),
    }
}

/// Makes the disk the root. The archive in memory stays below it, empty but for this program.
pub(super) fn switch_to_disk() -> Result<(), Failure> {
    let deadline = Instant::now() + DISK_PATIENCE;
    while !Path::new(DISK).exists() {
        if Instant::now() >= deadline {
            return Err(Failure::Refused(format!("there is no disk at {DISK}")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::create_dir_all(NEW_ROOT).doing(|| format!("make {NEW_ROOT}"))?;
    // Tables that were never written are zeros in the file too: writing them would only make the next snapshot larger.
    mount(DISK, NEW_ROOT, "ext4", MountFlags::NOATIME, Some(c"noinit_itable"))
        .doing(|| format!("mount the root disk {DISK}"))?;
    for name in ["dev", "proc", "sys", "run"] {
        let target = Path::new(NEW_ROOT).join(name);
        fs::create_dir_all(&target).doing(|| format!("make /{name} on the disk"))?;
        mount_move(Path::new("/").join(name), &target)
            .doing(|| format!("take /{name} to the disk"))?;
    }
    rustix::process::chdir(NEW_ROOT).doing(|| format!("enter {NEW_ROOT}"))?;
    mount_move(".", "/").doing(|| "make the disk the root".to_owned())?;
    rustix::process::chroot(".").doing(|| "enter the root".to_owned())?;
    rustix::process::chdir("/").doing(|| "enter the root".to_owned())
}

/// What programs expect of a root besides files. An image's own first program finds it done.
pub(super) fn furnish() -> Result<(), Failure> {
    let plain = MountFlags::NOSUID.union(MountFlags::NODEV);
    mount_once("tmpfs", "/dev/shm", "tmpfs", plain, Some(c"mode=1777"))?;
    fs::create_dir_all("/dev/pts").doing(|| "make /dev/pts".to_owned())?;
    if !Path::new("/dev/pts/ptmx").exists() {
        mount_terminals(Path::new("/dev/pts"))?;
    }
    // Where programs look for control groups; a kernel without them has no such directory.
    if Path::new("/sys/fs/cgroup").is_dir() {
        mount_once("cgroup2", "/sys/fs/cgroup", "cgroup2", NO_PROGRAMS, None)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        match std::os::unix::fs::symlink(target, Path::new("/dev").join(name)) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).doing(|| format!("make /dev/{name}"));
            }
            Ok(()) | Err(_) => {}
        }
    }
    fs::create_dir_all("/tmp").doing(|| "make /tmp".to_owned())?;
    fs::create_dir_all(REPOSITORY).doing(|| format!("make {REPOSITORY}"))?;
    rustix::fs::chmod(OWN_DIRECTORY, rustix::fs::Mode::RWXU)
        .doing(|| format!("close {OWN_DIRECTORY}"))
}
