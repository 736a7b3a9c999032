//! A run that is interrupted at one system call: killed there, or told there that the disk is full. Whatever the
//! moment, the store opens afterwards, no answer from it is wrong, and nothing is left behind.
//!
//! The moments come from a whole run that is listened to: every call of the listed kinds that it made, by count. A
//! short run of the tests takes a few of each kind; `LAYERC_CRASH_MOMENTS=all` takes every one, `=N` up to N of each.

mod moments;
mod scenario;

use layerc_tests::ordinary_user::on_path;
use layerc_tests::skip::skipped;
use layerc_tests::workflow::can_run;
use libtest_mimic::{Arguments, Failed, Trial};
use moments::{Fault, Interruption, Moment};
use scenario::Scenario;
use std::process::ExitCode;

const INTERRUPTIONS: &[Interruption] = &[
    Interruption {
        name: "killed while it makes something durable",
        fault: Fault::Kill,
        calls: &["fsync", "fdatasync", "rename", "renameat", "renameat2"],
    },
    Interruption {
        name: "killed while it writes",
        fault: Fault::Kill,
        calls: &["pwrite64", "write", "copy_file_range", "ftruncate"],
    },
    Interruption {
        name: "killed while it changes directories",
        fault: Fault::Kill,
        calls: &["mkdir", "unlink", "unlinkat", "rmdir", "symlink", "link", "chown", "setxattr"],
    },
    Interruption {
        name: "killed while it mounts and unmounts",
        fault: Fault::Kill,
        calls: &["mount", "fsmount", "open_tree", "move_mount", "umount2", "pivot_root", "unshare"],
    },
    Interruption {
        name: "the disk is full",
        fault: Fault::DiskFull,
        calls: &[
            "pwrite64",
            "write",
            "copy_file_range",
            "fdatasync",
            "fsync",
            "rename",
            "mkdir",
            "symlink",
        ],
    },
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = INTERRUPTIONS.iter().map(|interruption| {
        Trial::test(interruption.name, move || check(interruption).map_err(Failed::from))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn check(interruption: &Interruption) -> Result<(), String> {
    if !can_run(interruption.name) {
        return Ok(());
    }
    if !on_path("strace") {
        skipped(interruption.name, "the Debian package strace is not installed");
        return Ok(());
    }
    let mut scenario = Scenario::new();
    let moments = interruption.moments(&mut scenario)?;
    if moments.is_empty() {
        return Err("a whole run made none of these calls".to_owned());
    }
    for moment in &moments {
        check_moment(&mut scenario, moment).map_err(|problem| format!("{moment}: {problem}"))?;
    }
    println!("{} moments", moments.len());
    Ok(())
}

fn check_moment(scenario: &mut Scenario, moment: &Moment) -> Result<(), String> {
    scenario.change();
    let interrupted = scenario.run_through(moment.strace());
    scenario.judge_interrupted(&interrupted)?;
    scenario.judge_store()
}
