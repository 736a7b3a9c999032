//! What git says about a repository. Knows nothing of what the facts are used for.

use std::path::Path;
use std::process::{Child, Command, Stdio};

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
    /// Asks git: everything at once, and nothing where no repository can be.
    pub(super) fn read(repository: &Path) -> Self {
        if !may_be_under_git(repository) {
            return Self::default();
        }
        let asked = [
            &["log", "-1", "--format=%H%n%s"][..],
            &["describe", "--always", "--tags"],
            &["symbolic-ref", "--short", "-q", "HEAD"],
            &["config", "--get", "remote.origin.url"],
        ]
        .map(|arguments| ask(repository, arguments));
        let [log, tag, branch, remote] = asked.map(|git| git.and_then(answer));
        let Some(log) = log else { return Self { branch, ..Self::default() } };
        let (commit, title) = log.split_once('\n').unwrap_or((&log, ""));
        Self { commit: Some(commit.to_owned()), title: Some(title.to_owned()), tag, branch, remote }
    }
}

/// Whether git would look any further: at a checkout, at a repository without one, or wherever it was told to.
fn may_be_under_git(repository: &Path) -> bool {
    let is_git = |directory: &Path| {
        directory.join(".git").exists()
            || (directory.join("HEAD").is_file() && directory.join("objects").is_dir())
    };
    std::env::var_os("GIT_DIR").is_some()
        || repository.canonicalize().is_ok_and(|path| path.ancestors().any(is_git))
}

fn ask(repository: &Path, arguments: &[&str]) -> Option<Child> {
    let mut git = Command::new("git");
    git.arg("-C").arg(repository).args(arguments);
    git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    git.spawn().ok()
}

fn answer(git: Child) -> Option<String> {
    let output = git.wait_with_output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
