//! Where the cases run.

use crate::cases;
use layerc_executor::kvm::{Probe, probe};
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the directory with kernel and initial file system of guests; set in the lab.
pub(crate) const PARTS: &str = "LAYERC_KVM_LAB";

/// Emulated ring 0 counts a thousand times slower than this, hardware ten times faster.
const NATIVE_INSTRUCTIONS_PER_SECOND: u64 = 100_000_000;

/// Exit status of the lab's scripts where something is missing.
const MISSING: i32 = 3;

/// Seconds for all cases in the lab: about four times what they take on a quiet machine.
const LAB_SECONDS: &str = "1200";

/// One after the other, for they share a machine, and without colours, for their result is read.
const CASE_ARGUMENTS: [&str; 3] = ["--test-threads=1", "--color=never", "--nocapture"];

fn script(name: &str) -> Command {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(repository.join("tests/kvm-lab").join(name));
    command.current_dir(repository);
    command
}

/// All cases, or one that runs them in the lab.
pub(crate) fn trials() -> Vec<Trial> {
    if std::env::var_os(PARTS).is_some() {
        return trials_of(cases::all()).collect();
    }
    match probe() {
        Probe::Ran { instructions_per_second }
            if instructions_per_second >= NATIVE_INSTRUCTIONS_PER_SECOND =>
        {
            vec![Trial::test("machines_on_the_kvm_of_this_host", on_this_host)]
        }
        Probe::Ran { .. } => trials_of(cases::small()).chain([in_lab()]).collect(),
        Probe::Absent(_) | Probe::Closed(_) | Probe::Broken(_) => vec![in_lab()],
    }
}

fn trials_of(cases: Vec<(&'static str, cases::Case)>) -> impl Iterator<Item = Trial> {
    cases.into_iter().map(|(name, case)| Trial::test(name, case))
}

fn in_lab() -> Trial {
    Trial::test("machines_in_the_lab", in_the_lab)
}

/// This program again, where the parts are known.
fn on_this_host() -> Result<(), Failed> {
    println!("KVM: this machine's own");
    let prepared = script("prepare").output()?;
    print!("{}", String::from_utf8_lossy(&prepared.stdout));
    if prepared.status.code() == Some(MISSING) {
        return Ok(());
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "../target".into(), PathBuf::from);
    let mut cases = Command::new(std::env::current_exe()?);
    cases.env(PARTS, target.join("kvm-lab/parts")).args(CASE_ARGUMENTS);
    outcome(&mut cases)
}

fn in_the_lab() -> Result<(), Failed> {
    println!("KVM: the lab's, in an emulated processor, for this machine has none in hardware");
    let mut lab = script("lab");
    lab.args(["--seconds", LAB_SECONDS]).arg(std::env::current_exe()?).args(CASE_ARGUMENTS);
    outcome(&mut lab)
}

fn outcome(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    match output.status.code() {
        Some(0) if text.contains("test result: ok") => Ok(()),
        Some(MISSING) => Ok(()),
        status => {
            Err(format!("status {status:?}\n{text}{}", String::from_utf8_lossy(&output.stderr))
                .into())
        }
    }
}
