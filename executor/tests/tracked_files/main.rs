//! The tracked files through real mounts: a FUSE mount below an overlay mount, as machines have it.
//!
//! Runs itself again in a mount namespace of its own, so that nothing stays mounted. What may not be mounted here is
//! skipped, and says so in a line that begins with `SKIPPED:`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails must stop")]

mod large;
mod model;
mod planted;
mod served;
mod world;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::process::{Command, ExitCode};
use world::{FUSE_VARIABLE, World};

/// Set in the second process, which has its own mounts.
const INSIDE_VARIABLE: &str = "LAYERC_TEST_INSIDE";

/// A user without rights: `nobody`.
const ORDINARY_USER: &str = "65534";

fn main() -> ExitCode {
    if std::env::var_os(INSIDE_VARIABLE).is_none() {
        return in_own_mount_namespace();
    }
    let mut trials = vec![Trial::test("as_an_ordinary_user", as_an_ordinary_user)];
    for (name, test) in
        planted::TESTS.iter().chain(served::TESTS).chain(large::TESTS).chain(model::TESTS)
    {
        trials.push(Trial::test(*name, move || {
            test();
            Ok(())
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn in_own_mount_namespace() -> ExitCode {
    let may_mount = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "test", "-w", "/dev/fuse"])
        .status();
    if !may_mount.is_ok_and(|status| status.success()) {
        println!("SKIPPED: the tracked files need root, `unshare` and /dev/fuse");
        return ExitCode::SUCCESS;
    }
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(std::env::args_os().skip(1))
        .env(INSIDE_VARIABLE, "1")
        .status()
        .unwrap();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One test again, without rights, in a user namespace, with a device that anybody may open.
fn as_an_ordinary_user() -> Result<(), Failed> {
    if std::env::var_os(FUSE_VARIABLE).is_some() {
        return Ok(());
    }
    let place = World::open_directory();
    let device = place.path().join("fuse");
    let made =
        Command::new("mknod").args(["-m", "666"]).arg(&device).args(["c", "10", "229"]).status();
    let program = place.path().join("test");
    std::fs::copy(std::env::current_exe()?, &program)?;
    let namespace =
        ["--reuid", ORDINARY_USER, "--regid", ORDINARY_USER, "--clear-groups", "unshare", "-Urm"];
    let allowed = Command::new("setpriv").args(namespace).arg("true").status();
    if !made.is_ok_and(|made| made.success()) || !allowed.is_ok_and(|allowed| allowed.success()) {
        println!("SKIPPED: an ordinary user (needs mknod, setpriv and user namespaces)");
        return Ok(());
    }
    let output = Command::new("setpriv")
        .args(namespace)
        .arg(&program)
        .args(["--exact", "content"])
        .env(FUSE_VARIABLE, &device)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && text.contains("1 passed") {
        return Ok(());
    }
    Err(format!("{text}\n{}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Where the device is in this run.
fn fuse_device() -> std::path::PathBuf {
    std::env::var_os(FUSE_VARIABLE).map_or_else(|| Path::new("/dev/fuse").to_owned(), Into::into)
}
