//! Limits on a machine's memory and processes, through control groups of either version, where this user may make them.
//!
//! Knows processes and directories of the control group file system. A limit that can't be set is told, never an error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Begins the names of our groups; the process id of their executor follows.
const NAME_PREFIX: &str = "layerc-";

/// The group below a limited one that has the processes.
const INNER: &str = "machine";

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Bytes of memory.
    Memory(u64),
    /// Processes and threads at once.
    Processes(u32),
}

impl Limit {
    fn controller(self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Processes(_) => "pids",
        }
    }

    /// The file of a group that takes the limit, in version 1 and in version 2.
    fn files(self) -> [&'static str; 2] {
        match self {
            Self::Memory(_) => ["memory.limit_in_bytes", "memory.max"],
            Self::Processes(_) => ["pids.max", "pids.max"],
        }
    }

    fn value(self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes,
            Self::Processes(most) => most.into(),
        }
    }

    fn wording(self) -> String {
        match self {
            Self::Memory(bytes) => format!("the memory limit of {} MiB", bytes >> 20),
            Self::Processes(most) => format!("the limit of {most} processes"),
        }
    }
}

/// Groups with limits. Gone with this value, once no process is in them.
///
/// The machine's processes are in a group below the limited one: a namespace of control groups has the group it was made
/// in as its root, so whoever found a way past the filter that refuses one would still not see the limits.
#[derive(Debug, Default)]
pub(crate) struct ControlGroups {
    /// One for each controller in version 1; in version 2 a single one.
    directories: Vec<PathBuf>,
}

/// A place where groups can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    directory: PathBuf,
    /// File of a group that takes the limit.
    limit_file: &'static str,
}

impl ControlGroups {
    /// Sets one more limit. `name` is unlike any other of this process.
    ///
    /// # Errors
    /// Why it is not set, for the user.
    pub(crate) fn limit(&mut self, name: &str, limit: Limit) -> Result<(), String> {
        let not_set = |reason: String| format!("{} is not set: {reason}", limit.wording());
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let place = place(&own, &mounts, limit).ok_or_else(|| {
            not_set(format!("this host has no control groups for {}", limit.controller()))
        })?;
        let directory = place.directory.join(format!("{NAME_PREFIX}{}-{name}", std::process::id()));
        if !self.directories.contains(&directory) {
            sweep(&place.directory);
            fs::create_dir(&directory)
                .map_err(|error| not_set(format!("{}: {error}", directory.display())))?;
            let inner = directory.join(INNER);
            fs::create_dir(&inner)
                .map_err(|error| not_set(format!("{}: {error}", inner.display())))?;
            self.directories.push(directory.clone());
        }
        let file = directory.join(place.limit_file);
        fs::write(&file, limit.value().to_string())
            .map_err(|error| not_set(format!("{}: {error}", file.display())))
    }

    /// Puts a process into the groups; its children will be in them too.
    pub(crate) fn add(&self, process: u32) -> io::Result<()> {
        let mut groups = self.directories.iter();
        groups.try_for_each(|group| {
            fs::write(group.join(INNER).join("cgroup.procs"), process.to_string())
        })
    }
}

/// Why machines can't be limited here; `None` if they can. Tried with groups that are gone afterwards.
pub fn limit_obstacle() -> Option<String> {
    let mut groups = ControlGroups::default();
    let limits = [Limit::Memory(64 << 20), Limit::Processes(1_000)];
    limits.into_iter().find_map(|limit| groups.limit("probe", limit).err())
}

impl Drop for ControlGroups {
    fn drop(&mut self) {
        for directory in &self.directories {
            remove(directory);
        }
    }
}

/// Removes a group and those below it: the inner one, and what steps made in there. One with processes stays.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// Removes groups of executors that are gone.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| {
            name.strip_prefix(NAME_PREFIX)?.split('-').next()?.parse::<u32>().ok()
        });
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
            remove(&entry.path());
        }
    }
}

/// Below this process's group in version 1; beside it in version 2, where a group with processes has no children.
fn place(own: &str, mounts: &str, limit: Limit) -> Option<Place> {
    let [first_version_file, second_version_file] = limit.files();
    let controller = limit.controller();
    let group_of = |controller: &str| {
        own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let controllers = fields.next()?;
            controllers.split(',').any(|name| name == controller).then(|| fields.next())?
        })
    };
    let mount_of = |kind: &str, option: &str| {
        mounts.lines().find_map(|line| {
            let (place, rest) = line.split_once(" - ")?;
            let mut fields = rest.split(' ');
            let matches = fields.next()? == kind
                && (option.is_empty() || fields.nth(1)?.split(',').any(|own| own == option));
            if matches { place.split(' ').nth(4).map(PathBuf::from) } else { None }
        })
    };
    let inside = |mount: PathBuf, group: &str| mount.join(group.trim_start_matches('/'));
    if let (Some(mount), Some(group)) = (mount_of("cgroup", controller), group_of(controller)) {
        return Some(Place { directory: inside(mount, group), limit_file: first_version_file });
    }
    let directory = inside(mount_of("cgroup2", "")?, group_of("")?);
    let beside = directory.parent().filter(|_| group_of("") != Some("/")).unwrap_or(&directory);
    Some(Place { directory: beside.to_owned(), limit_file: second_version_file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_found() {
        let own = "4:memory:/a/b\n0::/\n";
        let mounts =
            "30 20 0:26 / /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory\n";
        let place = place(own, mounts, Limit::Memory(1)).unwrap();
        assert_eq!(
            (place.directory.to_str(), place.limit_file),
            (Some("/sys/fs/cgroup/memory/a/b"), "memory.limit_in_bytes")
        );
    }

    #[test]
    fn version_2_is_found() {
        let own = "0::/user.slice/x.scope\n";
        let mounts = "30 20 0:26 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";
        let place = place(own, mounts, Limit::Memory(1)).unwrap();
        assert_eq!(
            (place.directory.to_str(), place.limit_file),
            (Some("/sys/fs/cgroup/user.slice"), "memory.max")
        );
        assert_eq!(super::place("", "", Limit::Processes(1)), None);
    }
}
