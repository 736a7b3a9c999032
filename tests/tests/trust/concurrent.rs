//! Many runs at once on one store: each sees its own repository's files and nobody else's, whatever the others do to the
//! store meanwhile. `LAYERC_CONCURRENT_RUNS` is how many; a short run of the tests takes fewer than people have.

use layerc_tests::layerc::layerc;
use layerc_tests::repository::Repository;
use layerc_tests::workflow::{Workflow, can_run, run_command};
use std::path::Path;
use std::process::{Child, Stdio};

/// As many as there are builds of a large team at a busy moment.
const MOST: usize = 50;

/// Different contents that the runs have, so that most of them meet others at the same steps.
const VERSIONS: usize = 5;

/// Every third kind reads the file, all have the cache, a child and a split.
const LAYERFILES: &[(&str, &str)] = &[
    (
        "base/Layerfile",
        "FROM vm/ubuntu:22.04\nCACHE /cache\nCOPY /input /input\nRUN cat /input/read > /kept; echo run >> /cache/runs\n",
    ),
    ("child/Layerfile", "FROM ../base\nSPLIT 2\nRUN echo \"$SPLIT $(cat /kept)\"\n"),
    ("other/Layerfile", "FROM vm/ubuntu:22.04\nRUN echo the same for all > /same\nRUN cat /same\n"),
];

fn how_many() -> usize {
    match std::env::var("LAYERC_CONCURRENT_RUNS") {
        Ok(number) => number.parse().expect("LAYERC_CONCURRENT_RUNS is a number"),
        Err(_) => MOST / 5,
    }
}

fn start(repository: &Repository, store: &Path) -> Child {
    let mut command = run_command(repository.path(), store);
    // What steps print of records that others have just made is in their run's log; here everybody has to have seen it.
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("a run")
}

fn repository(version: usize) -> Repository {
    let repository = Repository::with(LAYERFILES);
    repository.write("layerc.toml", "[images]\n\"vm/ubuntu:22.04\" = \"host\"\n");
    repository.write("input/read", &format!("version {version}\n"));
    repository.write("input/unread", &format!("{:?}", repository.path()));
    repository
}

#[test]
fn many_runs_on_one_store_get_no_wrong_result() {
    if !can_run("many_runs_on_one_store_get_no_wrong_result") {
        return;
    }
    let store = Workflow::with(&[]);
    let repositories: Vec<Repository> =
        (0..how_many()).map(|number| repository(number % VERSIONS)).collect();
    let running: Vec<Child> =
        repositories.iter().map(|repository| start(repository, store.store())).collect();
    // Somebody makes room all the while.
    let collector = || {
        let mut command = layerc(["gc", "--keep-storage", "1M", "--store"]);
        command.arg(store.store()).current_dir(repositories[0].path());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.output().expect("a collection")
    };
    let collections = [collector(), collector(), collector()];
    for (number, child) in running.into_iter().enumerate() {
        let output = child.wait_with_output().expect("an end");
        let told = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "run {number}: {}\n{told}", output.status);
        for version in (0..VERSIONS).filter(|version| *version != number % VERSIONS) {
            let wrong = format!("version {version}\\n");
            assert!(!told.contains(&wrong), "run {number} has seen {wrong}: {told}");
        }
    }
    for collection in collections {
        // Before the first run made the store there is nothing to collect.
        let said = String::from_utf8_lossy(&collection.stderr).into_owned();
        assert!(collection.status.success() || said.contains("there is no store"), "{said}");
    }
    // Whoever looks afterwards, for each version: every step is known, and its results are those of its files.
    for (version, repository) in repositories.iter().take(VERSIONS).enumerate() {
        // A cache is one repository's: where another run's record answered, nothing was put into this one's.
        let text = "FROM ../base\nRUN cat /kept; sort -u /cache/runs 2> /dev/null; true\n";
        repository.write("child/Layerfile", text);
        let command = &mut run_command(repository.path(), store.store());
        let run = layerc_tests::workflow::Ran::of(command).expect_success();
        let printed = run.printed("child");
        let result = printed.strip_suffix("run\n").unwrap_or(&printed);
        assert_eq!(result, format!("version {version}\n"));
    }
    if alive(store.store()).is_empty() {
        return;
    }
    // A directory that could not be removed at once is the next run's to remove; one whose lock is held would stay.
    let command = &mut run_command(repositories[0].path(), store.store());
    layerc_tests::workflow::Ran::of(command).expect_success();
    assert_eq!(alive(store.store()), [""; 0], "runs that have ended are not alive");
}

/// What there is of runs that are alive, or were until they could not remove it.
fn alive(store: &Path) -> Vec<String> {
    let runs = std::fs::read_dir(store.join("live")).expect("runs");
    let inside = |run: std::fs::DirEntry| {
        let entries = std::fs::read_dir(run.path()).into_iter().flatten().flatten();
        let names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        format!("{}: {names:?}", run.path().display())
    };
    runs.flatten().map(inside).collect()
}
