//! What is checked out in a repository, read from git's own files: starting `git` takes longer than a run in which
//! everything is cached. Not being under git, or anything unusual, is not knowing.

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Largest file of git's that is read here.
const LARGEST_BYTES: u64 = 4 << 20;

/// The commit and the branch, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// The commit's full name.
    pub commit: Option<String>,
    /// The branch, if HEAD is on one.
    pub branch: Option<String>,
}

impl Checkout {
    /// Of the repository with this root.
    pub fn of(root: &Path) -> Self {
        let Some(git) = git_directory(root) else { return Self::default() };
        let Some(head) = text(&git.join("HEAD")) else { return Self::default() };
        let Some(reference) = head.trim().strip_prefix("ref: ").map(str::to_owned) else {
            return Self { commit: commit_name(&head), branch: None };
        };
        // In a linked worktree only HEAD is its own; branches are where `commondir` says.
        let shared = match text(&git.join("commondir")) {
            Some(path) => git.join(path.trim()),
            None => git,
        };
        let loose = text(&shared.join(&reference)).as_deref().and_then(commit_name);
        let commit = loose.or_else(|| packed(&shared, &reference));
        Self { commit, branch: reference.strip_prefix("refs/heads/").map(str::to_owned) }
    }
}

fn git_directory(root: &Path) -> Option<PathBuf> {
    let place = root.join(".git");
    if place.is_dir() {
        return Some(place);
    }
    let file = text(&place)?;
    Some(root.join(file.trim().strip_prefix("gitdir: ")?))
}

fn packed(shared: &Path, reference: &str) -> Option<String> {
    let lines = text(&shared.join("packed-refs"))?;
    let line = lines
        .lines()
        .find(|line| line.split_once(' ').is_some_and(|(_, name)| name == reference))?;
    commit_name(line.split(' ').next()?)
}

fn commit_name(text: &str) -> Option<String> {
    let text = text.trim();
    let is_name = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_name.then(|| text.to_owned())
}

fn text(path: &Path) -> Option<String> {
    let is_small = fs::metadata(path).is_ok_and(|metadata| metadata.len() <= LARGEST_BYTES);
    if is_small { fs::read_to_string(path).ok() } else { None }
}
