//! Running a command as an ordinary user when the tests run as root, so that both are tested.
//!
//! Needs util-linux's `setpriv` and `unshare`. The user gets a /dev/fuse of its own in a private mount
//! namespace where the machine's is root's alone; the machine itself is left as it is.

use std::path::Path;
use std::process::Command;

/// The user and group id: Debian's `nobody`.
const ORDINARY_ID: u32 = 65534;

/// Why it can't be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// A command line that runs `program` as an ordinary user in `home`, which must be that user's or open to all
/// (see [`give`]). Without root it is the command itself: the tests are that user already.
///
/// # Errors
/// When the tools are missing.
pub fn command(program: &Path, home: &Path) -> Result<Command, Unavailable> {
    if !is_root() {
        let mut command = Command::new(program);
        command.env("HOME", home).current_dir(home);
        return Ok(command);
    }
    for tool in ["setpriv", "unshare", "mknod"] {
        if !on_path(tool) {
            return Err(Unavailable(format!(
                "`{tool}` (package util-linux or coreutils) is not installed"
            )));
        }
    }
    // A file of its own for the device: the private tmpfs is gone with the namespace.
    let script = format!(
        "set -e; mount -t tmpfs tmpfs /mnt; mknod -m 666 /mnt/fuse c 10 229; mount --bind /mnt/fuse /dev/fuse; \
         umount -l /mnt; exec setpriv --reuid={ORDINARY_ID} --regid={ORDINARY_ID} --clear-groups \"$@\""
    );
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "bash", "-c", &script, "bash"])
        .arg(program);
    command.env("HOME", home).current_dir(home);
    Ok(command)
}

/// Makes a directory and all in it the ordinary user's.
///
/// # Panics
/// When the owner can't be changed although the tests run as root.
pub fn give(directory: &Path) {
    if !is_root() {
        return;
    }
    let status = Command::new("chown")
        .args(["-R", "-h", &format!("{ORDINARY_ID}:{ORDINARY_ID}")])
        .arg(directory)
        .status()
        .expect("chown starts");
    assert!(status.success(), "chown of {}", directory.display());
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// Whether a program of this name can be found.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
