//! Which run records go: those beyond the newest so many, and those older than so long. A run that is alive stays.

use super::{History, PastRun, Status};
use crate::store::run_name::RunName;
use std::fs;
use std::time::{Duration, SystemTime};

/// Records kept.
const MOST_RUNS: usize = 200;

/// Records beyond those before they go together.
const SURPLUS_RUNS: usize = 32;

/// How long a record is kept.
const LONGEST_KEPT: Duration = Duration::from_hours(24 * 30);

/// Records kept however old they are.
pub(super) const NEWEST_KEPT: usize = 10;

/// Names of runs that look at ages end with one of these: one run in sixteen.
const LOOKING: [char; 2] = ['0', '1'];

/// Removes them; `own` is the caller's, which stays. What can't be removed now is tried again by a later run. Looking
/// at ages costs a system call for each record, so only some runs do it unless there are too many records.
pub(super) fn prune(history: &History<'_>, own: &RunName) {
    let names = history.names().unwrap_or_default();
    if names.len() <= MOST_RUNS + SURPLUS_RUNS && !own.as_str().ends_with(LOOKING) {
        return;
    }
    let mut aged: Vec<(Duration, RunName)> =
        names.into_iter().map(|name| (age(history, &name), name)).collect();
    aged.sort_unstable();
    for (place, (age, name)) in aged.iter().enumerate() {
        let is_surplus = place >= MOST_RUNS || (place >= NEWEST_KEPT && *age > LONGEST_KEPT);
        let directory = history.directory(name);
        if is_surplus && name != own && !is_alive(directory.clone()) {
            let _next_time = fs::remove_dir_all(directory);
        }
    }
}

/// Time since something in the record's directory was made last: since the run began or ended.
fn age(history: &History<'_>, name: &RunName) -> Duration {
    let changed = fs::metadata(history.directory(name)).and_then(|metadata| metadata.modified());
    let age = changed.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    age.unwrap_or_default()
}

fn is_alive(directory: std::path::PathBuf) -> bool {
    PastRun::read(directory).is_some_and(|run| run.status() == Status::Running)
}
