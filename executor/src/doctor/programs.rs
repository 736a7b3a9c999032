//! Programs that parts of `layerc` call, and what is missing without them.

use super::{Check, Group, Verdict};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Name, argument that makes it tell its version (empty: it isn't asked), what it is for, Debian package.
const PROGRAMS: &[(&str, &str, &str, &str)] = &[
    ("git", "--version", "variables like GIT_BRANCH, and CLONE", "git"),
    ("pasta", "--version", "the network of machines", "passt"),
    ("passt", "--version", "the network of virtual machines", "passt"),
    ("mke2fs", "", "the disks of virtual machines", "e2fsprogs"),
    ("shellcheck", "--version", "the checks of shell text in editors", "shellcheck"),
    ("debootstrap", "--version", "base images from `debootstrap:SUITE`", "debootstrap"),
    ("newuidmap", "", "users other than root in machines of ordinary users", "uidmap"),
];

/// Where programs for administrators are, which an ordinary user's PATH may lack.
const MORE_PLACES: [&str; 2] = ["/usr/sbin", "/sbin"];

pub(super) fn examine() -> Vec<Check> {
    PROGRAMS.iter().map(check).collect()
}

fn check(
    (name, argument, needed_for, package): &(&'static str, &str, &'static str, &str),
) -> Check {
    match find(name) {
        Some(path) => {
            let version = if argument.is_empty() { None } else { version(&path, argument) };
            let found = version.unwrap_or_else(|| path.display().to_string());
            Check::works(Group::Programs, name, needed_for, found)
        }
        None => Check::works(Group::Programs, name, needed_for, "not found".to_owned()).lacking(
            Verdict::Limited,
            format!("install it: `apt-get install {package}` on Debian and Ubuntu"),
        ),
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(MORE_PLACES.iter().map(PathBuf::from));
    places.map(|place| place.join(name)).find(|path| path.is_file())
}

/// The first word of its answer that looks like a version.
fn version(path: &PathBuf, argument: &str) -> Option<String> {
    let output = Command::new(path)
        .arg(argument)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_version = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_digit()) && word.contains(['.', '-', '_'])
    };
    text.split_whitespace().find(is_version).map(str::to_owned)
}
