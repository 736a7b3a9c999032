//! The whole suite again as an ordinary user.

use super::{Case, has_program, is_root, skipped};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

pub(crate) const CASES: &[Case] = &[("all of this works for an ordinary user", as_ordinary_user)];

/// Numbers that no account has.
const USER: &str = "12345";

/// In a mount namespace of its own, where everybody may open `/dev/fuse` as on most systems.
const SCRIPT: &str = r#"
    mount -t tmpfs -o mode=755 devices "$0/devices" &&
    mknod -m 666 "$0/devices/fuse" c 10 229 &&
    mount --bind "$0/devices/fuse" /dev/fuse &&
    exec setpriv --reuid "$1" --regid "$1" --clear-groups -- "$0/suite" --test-threads 2"#;

fn as_ordinary_user() {
    if !is_root() {
        return skipped("this is the ordinary user");
    }
    if !["setpriv", "unshare", "mount", "mknod"].iter().all(|program| has_program(program)) {
        return skipped("becoming an ordinary user needs setpriv, unshare, mount and mknod");
    }
    let place = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(place.path(), 0o755);
    for name in ["devices", "temporary", "bases"] {
        fs::create_dir(place.path().join(name)).unwrap();
        open(&place.path().join(name), 0o1777);
    }
    let suite = place.path().join("suite");
    fs::copy(std::env::current_exe().unwrap(), &suite).unwrap();
    open(&suite, 0o755);
    let output = Command::new("unshare")
        .args(["-m", "bash", "-c", SCRIPT])
        .arg(place.path())
        .arg(USER)
        .env("TMPDIR", place.path().join("temporary"))
        .env(super::BASES, place.path().join("bases"))
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for line in text.lines().filter(|line| line.starts_with("SKIPPED:")) {
        println!("{line} (as an ordinary user)");
    }
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
