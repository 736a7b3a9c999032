//! A whole Debian as a base: installed once by Debian's bootstrap program, kept, and run from.
//!
//! Installing takes a minute or two and the package archive, so the store of this test is kept beside the build; what it
//! holds is used again.

use layerc_tests::ordinary_user::{is_root, on_path};
use layerc_tests::skip::skipped;
use layerc_tests::workflow::{Ran, Workflow, can_run, run_command};
use std::path::Path;
use std::process::{Command, Stdio};

const IMAGE: &str = "vm/debian:12";

const LAYERFILE: &str = "\
FROM vm/debian:12
COPY greeting /srv/
RUN cat /etc/debian_version /srv/greeting; test ! -e /boot/vmlinuz
RUN apt-config dump | grep -c 'Assume-Yes \"true\"'; ls /var/lib/apt/lists | wc -l
RUN git --version > /dev/null && python3 -c 'print(6 * 7)' && sudo -n id -un
USER builder
RUN id -un; echo $HOME
";

#[test]
fn a_fresh_debian_is_installed_once_and_runs_steps() {
    let test = "a_fresh_debian_is_installed_once_and_runs_steps";
    if !can_run(test) {
        return;
    }
    let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debootstrap");
    let is_kept = std::fs::read_dir(store.join("bases")).is_ok_and(|bases| {
        bases.flatten().any(|base| base.file_name().to_string_lossy().starts_with("debootstrap-"))
    });
    if !is_kept && let Err(reason) = can_install() {
        return skipped(test, reason);
    }
    let place = Workflow::with(&[("Layerfile", LAYERFILE), ("greeting", "hello\n")]);
    let run = |cache: &[&str]| {
        let mut command = run_command(place.repository.path(), &store);
        command.args(["--image", &format!("{IMAGE}=debootstrap:bookworm")]).args(cache);
        Ran::of(&mut command).expect_success()
    };
    let first = run(&["--no-cache"]);
    let printed = first.printed("main-layerfile");
    assert!(printed.starts_with("12."), "{printed}");
    assert!(printed.ends_with("hello\n1\n1\n42\nroot\nbuilder\n/home/builder\n"), "{printed}");
    let again = run(&[]);
    assert!(again.started().is_empty(), "{:?}", again.started());
    assert!(!again.outcome.stdout.contains("base_preparing"), "the base is kept");
}

/// Whether the bootstrap program is there, may be used, and reaches the archive.
fn can_install() -> Result<(), &'static str> {
    if !is_root() {
        return Err("debootstrap works for root only");
    }
    if !on_path("debootstrap") && !Path::new("/usr/sbin/debootstrap").is_file() {
        return Err("debootstrap is not installed");
    }
    let release = "http://deb.debian.org/debian/dists/bookworm/Release";
    let mut probe = Command::new("wget");
    probe.args(["--quiet", "--spider", "--timeout=10", "--tries=1", release]);
    let reached = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if reached.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err("the Debian archive can't be reached")
    }
}
