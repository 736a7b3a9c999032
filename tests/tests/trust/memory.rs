//! What a step tells `layerc` does not fill the memory of `layerc`.

use layerc_tests::workflow::{Workflow, can_run};
use std::process::Stdio;

/// Far below what the step below tells, far above what a run takes.
const MOST_KIBIBYTES: u64 = 160 * 1024;

/// The most memory that a process had so far; `None` when it is gone.
fn peak_kibibytes(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn answers_that_nobody_asked_for_are_not_kept() {
    if !can_run("answers_that_nobody_asked_for_are_not_kept") {
        return;
    }
    // Descriptor 3 is where evaluated variables come from; the last step waits for the look.
    let text = "FROM vm/ubuntu:22.04\nRUN head -c 400M /dev/zero >&3\nRUN sleep 86403\n";
    let place = Workflow::with(&[("Layerfile", text)]);
    let mut command = place.command();
    let log = place.store().join("log");
    command.stdout(std::fs::File::create(&log).unwrap()).stderr(Stdio::null());
    let mut run = command.spawn().unwrap();
    let begun = |number: u32| {
        let text = std::fs::read_to_string(&log).unwrap();
        text.lines().any(|line| {
            line.contains("\"step_started\"") && line.contains(&format!("\"number\":{number}"))
        })
    };
    layerc_tests::terminal::wait_for("the second step", || begun(2).then_some(()));
    let peak = peak_kibibytes(run.id()).unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(peak < MOST_KIBIBYTES, "{peak} KiB");
}
