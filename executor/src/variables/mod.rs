//! The built-in variables of the language, old and new names, from git and from where the run takes place.
//!
//! Asked for only when a step runs or a key needs one, because `git` takes milliseconds to answer.

mod git;

use git::GitFacts;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Longest label of a host name (RFC 1035).
const LONGEST_HOST_LABEL: usize = 63;

/// Variables that say where a command runs; always the same.
const CONSTANTS: [(&str, &str); 11] = [
    ("CI", "true"),
    ("IS_CI_MACHINE", "true"),
    ("CI_MACHINE", "true"),
    ("IN_CI_MACHINE", "true"),
    ("IN_CI", "true"),
    ("WEBAPPIO", "true"),
    ("LAYERCI", "true"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("RETRY_INDEX", "1"),
    ("API_EXTRA", ""),
    ("LAYERC", "true"),
];

/// Old names and what they are called now.
const OLD_NAMES: [(&str, &str); 7] = [
    ("LAYERCI_BRANCH", "GIT_BRANCH"),
    ("LAYERCI_JOB_ID", "JOB_ID"),
    ("LAYERCI_PULL_REQUEST", "PULL_REQUEST_URL"),
    ("LAYERCI_REPO_NAME", "REPOSITORY_NAME"),
    ("LAYERCI_REPO_OWNER", "REPOSITORY_OWNER"),
    ("LAYERCI_ORG_NAME", "ORGANIZATION_NAME"),
    ("LAYERCI_RUNNER_ID", "RUNNER_ID"),
];

/// The built-in variables of one run.
#[derive(Debug)]
pub struct BuiltIns {
    repository: PathBuf,
    job: String,
    overrides: BTreeMap<String, String>,
    facts: OnceLock<BTreeMap<String, String>>,
}

impl BuiltIns {
    /// For a repository and a run number. `overrides` win over what git says (`layerc run --variable NAME=VALUE`).
    pub fn new(
        repository: &Path,
        job: impl Into<String>,
        overrides: BTreeMap<String, String>,
    ) -> Self {
        Self {
            repository: repository.to_owned(),
            job: job.into(),
            overrides,
            facts: OnceLock::new(),
        }
    }

    /// The value of one for a runner; `None` if it isn't set or isn't a built-in variable.
    pub fn value(&self, name: &str, runner: &str) -> Option<String> {
        let name = OLD_NAMES.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new);
        if name == "RUNNER_ID" {
            return Some(runner.to_owned());
        }
        self.shared().get(name).cloned()
    }

    /// All of them, as a command of a runner sees them.
    pub fn all(&self, runner: &str) -> BTreeMap<String, String> {
        let mut all = self.shared().clone();
        all.insert("RUNNER_ID".to_owned(), runner.to_owned());
        for (old, new) in OLD_NAMES {
            if let Some(value) = all.get(new) {
                all.insert(old.to_owned(), value.clone());
            }
        }
        all
    }

    /// The branch, if HEAD is on one.
    pub fn branch(&self) -> Option<&str> {
        self.shared().get("GIT_BRANCH").map(String::as_str)
    }

    /// Does something while git is asked, so that commands which come behind it need not wait for git.
    pub fn meanwhile<T>(&self, action: impl FnOnce() -> T) -> T {
        if self.facts.get().is_some() {
            return action();
        }
        std::thread::scope(|scope| {
            // Without a thread it is asked later, by whoever needs it.
            let _asking = std::thread::Builder::new().spawn_scoped(scope, || self.shared());
            action()
        })
    }

    fn shared(&self) -> &BTreeMap<String, String> {
        self.facts.get_or_init(|| {
            let mut shared = from_git(&GitFacts::read(&self.repository), &self.repository);
            shared.extend(CONSTANTS.map(|(name, value)| (name.to_owned(), value.to_owned())));
            shared.insert("JOB_ID".to_owned(), self.job.clone());
            shared.extend(self.overrides.clone());
            shared
        })
    }
}

/// What git's facts are called. Without git the repository is named after its directory and the rest is unset.
fn from_git(facts: &GitFacts, directory: &Path) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            variables.insert(name.to_owned(), value);
        }
    };
    set("GIT_COMMIT", facts.commit.clone());
    set("GIT_SHORT_COMMIT", facts.commit.as_ref().map(|commit| commit.chars().take(12).collect()));
    set("GIT_COMMIT_TITLE", facts.title.clone());
    set("GIT_TAG", facts.tag.clone());
    set("GIT_BRANCH", facts.branch.clone());
    set("SUBDOMAIN", facts.branch.as_deref().map(subdomain));
    let own_name = || directory.file_name().map(|name| name.to_string_lossy().into_owned());
    let (owner, name) = facts.remote.as_deref().and_then(owner_and_name).unzip();
    set("REPOSITORY_OWNER", owner.clone());
    set("ORGANIZATION_NAME", owner);
    set("REPOSITORY_NAME", name.or_else(own_name));
    variables
}

/// A branch as a label of a host name: `feat/Add_x` is `add-x`.
fn subdomain(branch: &str) -> String {
    let last = branch.rsplit('/').next().unwrap_or(branch);
    let mapped: String =
        last.chars()
            .map(|character| {
                if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
            })
            .take(LONGEST_HOST_LABEL)
            .collect();
    mapped.trim_matches('-').to_owned()
}

/// `b` and `a` of `https://host/b/a.git`, `git@host:b/a` and their kin.
fn owner_and_name(remote: &str) -> Option<(String, String)> {
    let path = match remote.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => remote.split_once(':')?.1,
    };
    let (owner, name) = path.trim_matches('/').rsplit_once('/')?;
    Some((owner.to_owned(), name.strip_suffix(".git").unwrap_or(name).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_become_host_labels() {
        assert_eq!(subdomain("feat/add-some-dashboard-pages"), "add-some-dashboard-pages");
        assert_eq!(subdomain("Fix_This!"), "fix-this");
        assert_eq!(subdomain(&"x".repeat(80)).len(), 63);
    }

    #[test]
    fn remotes_name_owner_and_repository() {
        let pair = |remote| owner_and_name(remote).map(|(owner, name)| format!("{owner} {name}"));
        assert_eq!(pair("https://github.com/b/a.git").as_deref(), Some("b a"));
        assert_eq!(pair("git@github.com:b/a").as_deref(), Some("b a"));
        assert_eq!(pair("ssh://git@host:22/group/sub/a.git").as_deref(), Some("group/sub a"));
        assert_eq!(pair("/srv/git/a"), None);
    }

    #[test]
    fn without_git_the_constants_and_the_directory_name_remain() {
        let directory = tempfile::tempdir().unwrap();
        let variables = BuiltIns::new(&directory.path().join("shop"), "7", BTreeMap::new());
        assert_eq!(variables.value("CI", "main").as_deref(), Some("true"));
        assert_eq!(variables.value("REPOSITORY_NAME", "main").as_deref(), Some("shop"));
        assert_eq!(variables.value("LAYERCI_RUNNER_ID", "main").as_deref(), Some("main"));
        assert_eq!(variables.value("GIT_COMMIT", "main"), None);
    }
}
