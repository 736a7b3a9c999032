//! Has the lab run its script, and brings back what that left.

use crate::repositories::{self, COPIES, copies};
use layerc_executor::kvm::probe;
use layerc_tests::kvm_lab::{MISSING, booting, give_layerc, pair, parts, preparing};
use layerc_tests::project_files::root;
use layerc_tests::skip::skipped;
use std::path::Path;

/// Seconds for all of it in the lab: several times what it takes on a quiet machine.
const SECONDS: &str = "1200";

/// Seconds of silence after which the lab is taken for stuck: longer than anything takes there beside other tests,
/// shorter than a guest is waited for, so that one that hangs under the emulator is not waited for twice.
const SILENCE_SECONDS: &str = "160";

/// What makes disks; the lab has nothing of this machine but what it is given.
pub(crate) const DISK_PROGRAM: &str = "/sbin/mke2fs";

/// Fetches what CLONE names.
const GIT: &str = "/usr/bin/git";

/// Searches disks of machines without reading where nothing was written.
const GREP: &str = "/usr/bin/grep";

/// The directory that the lab's script filled.
pub(crate) struct Brought(tempfile::TempDir);

impl Brought {
    /// What came into this directory.
    pub(crate) fn of(results: tempfile::TempDir) -> Self {
        Self(results)
    }

    /// The text of one of its files.
    pub(crate) fn text(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// What came of it.
pub(crate) enum Outcome {
    Ran(Brought),
    /// The reason was told.
    Skipped,
}

/// What gives a program a terminal.
const SCRIPT: &str = "/usr/bin/script";

/// Names the parts of the script that are run, if not the usual ones.
const PARTS: &str = "LAYERC_KVM_PARTS";

/// Those that are run if nobody names any; each of the others takes more than 20 seconds.
const USUAL_PARTS: &str = "service database directives";

/// Whether a part of the script was run; where not, that is said.
pub(crate) fn has_run(part: &str) -> bool {
    let named = std::env::var(PARTS).unwrap_or_else(|_| USUAL_PARTS.to_owned());
    let is_run = named.split(' ').any(|name| name == part);
    if !is_run {
        skipped(part, &format!("{PARTS}={part} runs it, and it takes a while"));
    }
    is_run
}

/// Runs it.
pub(crate) fn run() -> Outcome {
    let claim = "plans_run_in_virtual_machines";
    for (program, package) in [(DISK_PROGRAM, "e2fsprogs"), (GIT, "git"), (GREP, "grep")] {
        if !Path::new(program).exists() {
            skipped(claim, &format!("{program} is not there (package {package})"));
            return Outcome::Skipped;
        }
    }
    if probe().is_native() {
        println!(
            "KVM: the lab's, although this machine's own would do: the script wants a machine to itself"
        );
    }
    if copies() < 10 {
        let reason = format!("{} copies here: {COPIES}=10 makes as many as are promised", copies());
        skipped("ten_copies_of_a_running_database_answer", &reason);
    }
    let prepared = preparing("prepare").output().unwrap();
    if prepared.status.code() == Some(MISSING) {
        // It says what is missing.
        println!("{}", String::from_utf8_lossy(&prepared.stdout));
        return Outcome::Skipped;
    }
    let place = tempfile::tempdir().unwrap();
    let results = tempfile::tempdir().unwrap();
    let mut lab = booting();
    lab.args(["--seconds", SECONDS, "--silence", SILENCE_SECONDS]);
    give_layerc(&mut lab);
    lab.args(["--program", &pair(Path::new(DISK_PROGRAM), "bin/mke2fs")]);
    lab.args(["--program", &pair(Path::new(GIT), "bin/git")]);
    lab.args(["--program", &pair(Path::new(GREP), "bin/grep-over-holes")]);
    if has_run("terminal") {
        lab.args(["--program", &pair(Path::new(SCRIPT), "bin/script")]);
        lab.args(["--program", &pair(Path::new("/usr/bin/stty"), "bin/stty")]);
    }
    let image = repositories::image(&parts().join("root-tree.tar"));
    lab.args(["--file", &pair(image.path(), "guest/image")]);
    let service = root().join("spec/examples/web-service");
    lab.args(["--file", &pair(&service, "repositories/service")]);
    repositories::write_all(place.path());
    lab.args(["--file", &pair(place.path(), "repositories")]);
    lab.arg("--results").arg(results.path()).arg("tests/kvm-lab/runs");
    let output = lab.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    match output.status.code() {
        Some(0) => Outcome::Ran(Brought(results)),
        // The line that says what is missing is in the text above.
        Some(MISSING) => Outcome::Skipped,
        status => panic!("status {status:?}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}
