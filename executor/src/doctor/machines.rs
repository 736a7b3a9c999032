//! What machines made of namespaces need of the kernel.

use super::{Check, Group, Verdict};
use crate::overlay::limit_obstacle;
use crate::tracked::FUSE_DEVICE;
use std::fs::{self, OpenOptions};
use std::time::Duration;

/// Kernel settings that can forbid user namespaces to ordinary users, the value that does, and the way back.
const NAMESPACE_SETTINGS: [(&str, &str, &str); 3] = [
    ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
    ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

pub(super) fn examine() -> Vec<Check> {
    vec![namespaces(), overlay(), fuse(), limits()]
}

fn namespaces() -> Check {
    let check = |found: &str| {
        Check::works(Group::Machines, "user namespaces", "every machine", found.to_owned())
    };
    let is_root = rustix::process::geteuid().is_root();
    let forbidding = NAMESPACE_SETTINGS.iter().find(|(setting, value, _)| {
        fs::read_to_string(format!("/proc/sys/{setting}")).is_ok_and(|text| text.trim() == *value)
    });
    match forbidding {
        Some((setting, value, way)) if !is_root || setting.starts_with("user/") => {
            let found =
                format!("the kernel forbids them: {} is {value}", setting.replace('/', "."));
            check(&found).lacking(
                Verdict::Missing,
                format!("as root: `{way}`; in a container, run it privileged"),
            )
        }
        _ if is_root => check("as root"),
        _ => check("as an ordinary user"),
    }
}

fn overlay() -> Check {
    let check =
        Check::works(Group::Machines, "OverlayFS", "every machine", "in the kernel".to_owned());
    let listed = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if listed.lines().any(|line| line.split_whitespace().last() == Some("overlay")) {
        return check;
    }
    // A module that nobody has used yet isn't listed; a machine's start is what tells.
    let check = Check { found: "not loaded".to_owned(), ..check };
    check.lacking(Verdict::Limited, "if no machine starts, as root: `modprobe overlay`")
}

fn fuse() -> Check {
    let check = Check::works(
        Group::Machines,
        FUSE_DEVICE,
        "COPY: serving the repository's files",
        "opens".to_owned(),
    );
    match OpenOptions::new().read(true).write(true).open(FUSE_DEVICE) {
        Ok(_) => check,
        Err(error) => Check { found: format!("can't be opened: {error}"), ..check }.lacking(
            Verdict::Missing,
            format!("as root: `modprobe fuse` and `chmod 666 {FUSE_DEVICE}`; in a container, `--device {FUSE_DEVICE}`"),
        ),
    }
}

fn limits() -> Check {
    let check = Check::works(
        Group::Machines,
        "limits",
        "MEMORY, and a limit on processes",
        "control groups can be made".to_owned(),
    );
    match limit_obstacle() {
        None => check,
        Some(reason) => Check { found: reason, ..check }.lacking(
            Verdict::Limited,
            "run as root, or in a systemd session with the memory and pids controllers delegated; without, MEMORY is not enforced",
        ),
    }
}

/// The check of a machine that was started.
pub(super) fn of_start(started: Result<Duration, String>) -> Check {
    let check = |found| Check::works(Group::Machines, "a machine starts", "every run", found);
    match started {
        Ok(time) => check(format!("in {} ms", time.as_millis())),
        Err(text) => {
            check(text).lacking(Verdict::Missing, "the lines above say what is in the way")
        }
    }
}
