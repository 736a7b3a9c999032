//! Which user and group numbers a machine has, and writing them into its user namespace.
//!
//! Root gives a machine every number it has itself, each as itself. An ordinary user is the machine's root; other
//! numbers come from the ranges of `/etc/subuid` and `/etc/subgid` if `newuidmap` is installed, else there are none.

use super::failure::Doing;
use crate::backend::BackendError;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Numbers of `/etc/subuid` that are used at most: all that Debian's users and `nobody` need.
const RANGE_LIMIT: u32 = 65_536;

/// How a machine's numbers are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identities {
    /// The numbers of this process's own namespace.
    Same,
    /// Root is this user; the rest is from ranges lent to this user.
    Lent { users: Range, groups: Range },
    /// Root is this user, and there is nobody else.
    Alone,
}

/// Consecutive numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    first: u32,
    count: u32,
}

impl Identities {
    /// What this process may give.
    pub(super) fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() {
            return Self::Same;
        }
        let lent = |file: &str| {
            let text = fs::read_to_string(file).ok()?;
            lent_range(&text, &user_name()?, rustix::process::getuid().as_raw())
        };
        match (program("newuidmap"), lent("/etc/subuid"), lent("/etc/subgid")) {
            (Some(_), Some(users), Some(groups)) => Self::Lent { users, groups },
            _ => Self::Alone,
        }
    }

    /// What the user should know.
    pub(super) fn note(&self) -> Option<String> {
        (*self == Self::Alone).then(|| {
            "steps run as root only: for other users, install `newuidmap` (package `uidmap`) and have ranges in \
             /etc/subuid and /etc/subgid"
                .to_owned()
        })
    }

    /// Writes the maps of a process that has just made its user namespace.
    pub(super) fn write(&self, process: u32) -> Result<(), BackendError> {
        let directory = PathBuf::from(format!("/proc/{process}"));
        match self {
            Self::Same => {
                for name in ["uid_map", "gid_map"] {
                    write_map(&directory, name, &same_map(&Path::new("/proc/self").join(name))?)?;
                }
                Ok(())
            }
            Self::Lent { users, groups } => {
                let (user, group) =
                    (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
                run_helper("newuidmap", process, user, *users)?;
                run_helper("newgidmap", process, group, *groups)
            }
            Self::Alone => {
                let (user, group) =
                    (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
                write_map(&directory, "setgroups", "deny")?;
                write_map(&directory, "uid_map", &format!("0 {user} 1\n"))?;
                write_map(&directory, "gid_map", &format!("0 {group} 1\n"))
            }
        }
    }
}

fn write_map(directory: &Path, name: &str, map: &str) -> Result<(), BackendError> {
    fs::write(directory.join(name), map).doing(|| format!("write the machine's {name}"))
}

/// Every number of this namespace, as itself.
fn same_map(own: &Path) -> Result<String, BackendError> {
    let text = fs::read_to_string(own).doing(|| format!("read {}", own.display()))?;
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (inside, count) = (fields.next()?, fields.nth(1)?);
        Some(format!("{inside} {inside} {count}\n"))
    });
    Ok(lines.collect())
}

fn run_helper(name: &str, process: u32, own: u32, range: Range) -> Result<(), BackendError> {
    let arguments =
        [process, 0, own, 1, 1, range.first, range.count].map(|number| number.to_string());
    let output = Command::new(name)
        .args(&arguments)
        .stdin(Stdio::null())
        .output()
        .doing(|| format!("run `{name}`"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(BackendError::Unavailable(format!(
        "`{name} {}` failed: {}",
        arguments.join(" "),
        text.trim()
    )))
}

/// The first range lent to a user, by name or number.
fn lent_range(text: &str, name: &str, number: u32) -> Option<Range> {
    let number = number.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let owner = fields.next().filter(|owner| *owner == name || *owner == number)?;
        let range =
            Range { first: fields.next()?.parse().ok()?, count: fields.next()?.parse().ok()? };
        let _ = owner;
        Some(Range { count: range.count.min(RANGE_LIMIT - 1), ..range })
            .filter(|range| range.count > 0)
    })
}

fn user_name() -> Option<String> {
    let number = rustix::process::getuid().as_raw().to_string();
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    })
}

/// Where a program is on the search path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_number() {
        let text = "other:1:2\nme:100000:65536\n1001:300000:10\nbroken\n";
        assert_eq!(lent_range(text, "me", 1000), Some(Range { first: 100_000, count: 65_535 }));
        assert_eq!(lent_range(text, "x", 1001), Some(Range { first: 300_000, count: 10 }));
        assert_eq!(lent_range(text, "x", 1002), None);
    }
}
