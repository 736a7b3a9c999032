//! What git says about a repository. Knows nothing of what the facts are used for.

use std::path::Path;
use std::process::{Command, Stdio};

/// Facts about HEAD; each is `None` when there is no git, no repository or no such thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GitFacts {
    /// Full hash of HEAD.
    pub(super) commit: Option<String>,
    /// First line of its message.
    pub(super) title: Option<String>,
    /// `git describe --always --tags`.
    pub(super) tag: Option<String>,
    /// The branch HEAD is on.
    pub(super) branch: Option<String>,
    /// Address of the remote `origin`.
    pub(super) remote: Option<String>,
}

impl GitFacts {
    /// Asks git.
    pub(super) fn read(repository: &Path) -> Self {
        let Some(log) = git(repository, &["log", "-1", "--format=%H%n%s"]) else {
            return Self {
                branch: git(repository, &["symbolic-ref", "--short", "-q", "HEAD"]),
                ..Self::default()
            };
        };
        let (commit, title) = log.split_once('\n').unwrap_or((&log, ""));
        Self {
            commit: Some(commit.to_owned()),
            title: Some(title.to_owned()),
            tag: git(repository, &["describe", "--always", "--tags"]),
            branch: git(repository, &["symbolic-ref", "--short", "-q", "HEAD"]),
            remote: git(repository, &["config", "--get", "remote.origin.url"]),
        }
    }
}

fn git(repository: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
