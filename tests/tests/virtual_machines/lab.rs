//! Has the lab run its script, and brings back what that left.

use layerc_executor::kvm::probe;
use layerc_tests::layerc::program;
use layerc_tests::project_files::root;
use layerc_tests::skip::skipped;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exit status of the lab's scripts where something is missing.
const MISSING: i32 = 3;

/// Seconds for all of it in the lab: several times what it takes on a quiet machine.
const SECONDS: &str = "1200";

/// What makes disks; the lab has nothing of this machine but what it is given.
const DISK_PROGRAM: &str = "/sbin/mke2fs";

/// The directory that the lab's script filled.
pub(crate) struct Brought(tempfile::TempDir);

impl Brought {
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

fn daemon_repository(place: &Path) -> PathBuf {
    let repository = place.join("daemon");
    let counter = "n=0; while :; do n=$((n + 1)); echo $n >/run/counter; sleep 0.1; done";
    let files = [
        ("layerc.toml", String::new()),
        (
            "base/Layerfile",
            format!(
                "FROM vm/debian\nMEMORY 512M\nRUN BACKGROUND echo $$ >/run/counter.pid; {counter}\n\
                 RUN test -e \"/proc/$(cat /run/counter.pid)\"\n"
            ),
        ),
        (
            "child/Layerfile",
            "FROM ../base\nRUN test -e \"/proc/$(cat /run/counter.pid)\" && echo \"the child finds $(cat /run/counter.pid)\"\n"
                .to_owned(),
        ),
        (
            "copies/Layerfile",
            "FROM ../base\nSPLIT 2\nRUN before=$(cat /run/counter); sleep 1; test \"$(cat /run/counter)\" -gt \"$before\" \
             && echo \"copy $SPLIT of $SPLIT_NUM counts on\"\n"
                .to_owned(),
        ),
    ];
    for (path, text) in files {
        let path = repository.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    repository
}

/// Runs it.
pub(crate) fn run() -> Outcome {
    let claim = "plans_run_in_virtual_machines";
    if !Path::new(DISK_PROGRAM).exists() {
        skipped(claim, "mke2fs is not installed (package e2fsprogs)");
        return Outcome::Skipped;
    }
    if probe().is_native() {
        println!(
            "KVM: the lab's, although this machine's own would do: the script wants a machine to itself"
        );
    }
    let place = tempfile::tempdir().unwrap();
    let results = tempfile::tempdir().unwrap();
    let parts = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), PathBuf::from)
        .join("kvm-lab/parts");
    let pair = |from: &Path, to: &str| format!("{}:{to}", from.display());
    let mut lab = Command::new(root().join("tests/kvm-lab/lab"));
    lab.current_dir(root()).args(["--seconds", SECONDS]);
    lab.args(["--program", &pair(program(), "bin/layerc")]);
    lab.args(["--program", &pair(Path::new(DISK_PROGRAM), "bin/mke2fs")]);
    lab.args(["--file", &pair(&parts.join("root-tree.tar"), "guest/root-tree.tar")]);
    let service = root().join("spec/examples/web-service");
    lab.args(["--file", &pair(&service, "repositories/service")]);
    lab.args(["--file", &pair(&daemon_repository(place.path()), "repositories/daemon")]);
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
