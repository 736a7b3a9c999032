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

/// Rows of the database's table.
pub(crate) const ROWS: u32 = 20_000;

/// Asks since when the server runs, which is a part of the answer to nothing else.
const BORN: &str = "\"select 'born ' || pg_postmaster_start_time()\"";

/// Asks for the row that was loaded last, by its index.
const LAST_ROW: &str =
    "\"select 'row ' || n || ' is ' || digest from numbers order by n desc limit 1\"";

/// Names a number of copies of the machine with the database.
const COPIES: &str = "LAYERC_KVM_COPIES";

/// How many there are if nobody names a number: each takes an emulated processor seconds.
const USUAL_COPIES: u32 = 2;

/// How many there are.
pub(crate) fn copies() -> u32 {
    let named = std::env::var(COPIES).ok();
    named.map_or(USUAL_COPIES, |number| number.parse().expect("a number of copies"))
}

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

/// A base with a database that runs and holds data, a child of it, and copies.
fn database_repository(place: &Path) -> PathBuf {
    let repository = place.join("database");
    let copies = copies();
    let files = [
        ("layerc.toml", String::new()),
        (
            "base/Layerfile",
            format!(
                "FROM vm/debian\nMEMORY 512M\nUSER postgres\nWORKDIR /tmp\nENV PGHOST=/tmp\nCOPY numbers.sql ./\n\
                 RUN pg_ctl --pgdata=/var/lib/postgresql/data --log=/tmp/server.log --wait --timeout=600 start\n\
                 RUN psql --quiet --file=numbers.sql && psql --command={BORN}\n"
            ),
        ),
        (
            "base/numbers.sql",
            format!(
                "create table numbers as select n, md5(n::text) as digest from generate_series(1, {ROWS}) n;\n\
                 create unique index on numbers (n);\n\
                 create table answers (copy int);\n"
            ),
        ),
        (
            "child/Layerfile",
            format!("FROM ../base\nRUN psql --command={BORN}\nRUN psql --command={LAST_ROW}\n"),
        ),
        (
            "copies/Layerfile",
            format!(
                "FROM ../base\nSPLIT {copies}\n\
                 RUN psql --command=\"insert into answers values ($SPLIT)\" --command={BORN} --command={LAST_ROW} \
                 --command=\"select 'copy ' || copy || ' of $SPLIT_NUM, ' || count(*) over () || ' answer' from answers\"\n"
            ),
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
    if copies() < 10 {
        let reason = format!("{} copies here: {COPIES}=10 makes as many as are promised", copies());
        skipped("ten_copies_of_a_running_database_answer", &reason);
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
    lab.args(["--file", &pair(&database_repository(place.path()), "repositories/database")]);
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
