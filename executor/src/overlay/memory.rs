//! Limits on a machine's memory, through control groups of either version, where this user may make one.
//!
//! Knows processes and directories of the control group file system. A limit that can't be set is told, never an error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Begins the names of our groups; the process id of their executor follows.
const NAME_PREFIX: &str = "layerc-";

/// A group with a limit. Gone with this value, once no process is in it.
#[derive(Debug)]
pub(super) struct MemoryGroup {
    directory: PathBuf,
}

/// A place where groups can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    directory: PathBuf,
    /// File of a group that takes the limit.
    limit_file: &'static str,
}

impl MemoryGroup {
    /// Makes a group with a limit in bytes. `name` is unlike any other of this process.
    ///
    /// # Errors
    /// Why there is none, for the user.
    pub(super) fn make(name: &str, limit_bytes: u64) -> Result<Self, String> {
        let told = |error: io::Error, place: &Path| {
            format!(
                "the memory limit of {} MiB is not set: {}: {error}",
                limit_bytes >> 20,
                place.display()
            )
        };
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let Some(place) = place(&own, &mounts) else {
            return Err(format!(
                "the memory limit of {} MiB is not set: this host has no control groups for memory",
                limit_bytes >> 20
            ));
        };
        sweep(&place.directory);
        let directory = place.directory.join(format!("{NAME_PREFIX}{}-{name}", std::process::id()));
        fs::create_dir(&directory).map_err(|error| told(error, &directory))?;
        let group = Self { directory };
        let file = group.directory.join(place.limit_file);
        fs::write(&file, limit_bytes.to_string()).map_err(|error| told(error, &file))?;
        Ok(group)
    }

    /// Puts a process into the group; its children will be in it too.
    pub(super) fn add(&self, process: u32) -> io::Result<()> {
        fs::write(self.directory.join("cgroup.procs"), process.to_string())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Removes groups of executors that are gone.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| {
            name.strip_prefix(NAME_PREFIX)?.split('-').next()?.parse::<u32>().ok()
        });
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Below this process's group in version 1; beside it in version 2, where a group with processes has no children.
fn place(own: &str, mounts: &str) -> Option<Place> {
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
    if let (Some(mount), Some(group)) = (mount_of("cgroup", "memory"), group_of("memory")) {
        return Some(Place {
            directory: inside(mount, group),
            limit_file: "memory.limit_in_bytes",
        });
    }
    let directory = inside(mount_of("cgroup2", "")?, group_of("")?);
    let beside = directory.parent().filter(|_| group_of("") != Some("/")).unwrap_or(&directory);
    Some(Place { directory: beside.to_owned(), limit_file: "memory.max" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_found() {
        let own = "4:memory:/a/b\n0::/\n";
        let mounts =
            "30 20 0:26 / /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory\n";
        let place = place(own, mounts).unwrap();
        assert_eq!(
            (place.directory.to_str(), place.limit_file),
            (Some("/sys/fs/cgroup/memory/a/b"), "memory.limit_in_bytes")
        );
    }

    #[test]
    fn version_2_is_found() {
        let own = "0::/user.slice/x.scope\n";
        let mounts = "30 20 0:26 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";
        let place = place(own, mounts).unwrap();
        assert_eq!(
            (place.directory.to_str(), place.limit_file),
            (Some("/sys/fs/cgroup/user.slice"), "memory.max")
        );
        assert_eq!(super::place("", ""), None);
    }
}
