//! The variables that every machine has without setting them: new names and the ones they replaced.

/// Whether BUILD ENV may name a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuildEnvUse {
    /// Yes.
    Allowed,
    /// No: its value differs in every run, so nothing after it would ever be cached.
    Forbidden,
}

/// What is known about a built-in variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableInfo {
    /// Its name, without `$`.
    pub name: &'static str,
    /// One line for hover and completion.
    pub doc: &'static str,
    /// The name to use instead, for names that were replaced.
    pub replaced_by: Option<&'static str>,
    /// Whether BUILD ENV may name it.
    pub build_env: BuildEnvUse,
}

const fn current(name: &'static str, doc: &'static str) -> VariableInfo {
    VariableInfo { name, doc, replaced_by: None, build_env: BuildEnvUse::Allowed }
}

const fn replaced(name: &'static str, by: &'static str, doc: &'static str) -> VariableInfo {
    VariableInfo { name, doc, replaced_by: Some(by), build_env: BuildEnvUse::Allowed }
}

/// All built-in variables, sorted by name.
pub const VARIABLES: &[VariableInfo] = &[
    current(
        "API_EXTRA",
        "A text given when the run was started through an interface; empty otherwise.",
    ),
    current("CI", "Always `true`."),
    current("CI_MACHINE", "Always `true`."),
    current("DEBIAN_FRONTEND", "Always `noninteractive`, so that apt asks nothing."),
    current("DEPLOYMENT_HOST", "The host name of a deployment rule that applies, if any."),
    VariableInfo {
        name: "EXPOSE_WEBSITE_HOST",
        doc: "The public host name that EXPOSE WEBSITE gives this machine; known before that instruction.",
        replaced_by: None,
        build_env: BuildEnvUse::Forbidden,
    },
    VariableInfo {
        name: "EXPOSE_WEBSITE_URL",
        doc: "The public host name that EXPOSE WEBSITE gives this machine.",
        replaced_by: Some("EXPOSE_WEBSITE_HOST"),
        build_env: BuildEnvUse::Forbidden,
    },
    current("GIT_BRANCH", "The branch that is checked out."),
    replaced(
        "GIT_CLONE_URL",
        "GIT_CLONE_USER",
        "User and token for cloning repositories of the same host.",
    ),
    current(
        "GIT_CLONE_USER",
        "User and token for `https://$GIT_CLONE_USER@host/owner/repository`.",
    ),
    current("GIT_COMMIT", "The full hash of the commit."),
    current("GIT_COMMIT_TITLE", "The first line of the commit's message."),
    current("GIT_SHORT_COMMIT", "The first twelve characters of the commit's hash."),
    current("GIT_TAG", "What `git describe --always` says."),
    current("IN_CI", "Always `true`."),
    current("IN_CI_MACHINE", "Always `true`."),
    current("IS_CI_MACHINE", "Always `true`."),
    current("JOB_ID", "The number of the run."),
    replaced("LAYERCI", "WEBAPPIO", "Always `true`."),
    replaced("LAYERCI_BRANCH", "GIT_BRANCH", "The branch that is checked out."),
    replaced("LAYERCI_JOB_ID", "JOB_ID", "The number of the run."),
    replaced("LAYERCI_ORG_NAME", "ORGANIZATION_NAME", "The name of the organization."),
    replaced(
        "LAYERCI_PULL_REQUEST",
        "PULL_REQUEST_URL",
        "The address of the pull request, if any.",
    ),
    replaced("LAYERCI_REPO_NAME", "REPOSITORY_NAME", "The name of the repository."),
    replaced("LAYERCI_REPO_OWNER", "REPOSITORY_OWNER", "The owner of the repository."),
    replaced("LAYERCI_RUNNER_ID", "RUNNER_ID", "The name of the runner."),
    current("ORGANIZATION_NAME", "The name of the organization."),
    current("PULL_REQUEST_URL", "The address of the pull request, if any."),
    current("REPOSITORY_NAME", "The name of the repository: `b` of `host/a/b`."),
    current("REPOSITORY_OWNER", "The owner of the repository: `a` of `host/a/b`."),
    current("RETRY_INDEX", "How often this runner was started: `1` the first time."),
    current("RUNNER_ID", "The name of the runner, for example `main-layerfile`."),
    current("SPLIT", "After SPLIT: which copy this is, from 0."),
    current("SPLIT_NUM", "After SPLIT: how many copies there are."),
    current("SUBDOMAIN", "The branch in a form that fits a host name."),
    current("WEBAPPIO", "Always `true`."),
];

/// The entry of a name.
pub fn variable(name: &str) -> Option<&'static VariableInfo> {
    VARIABLES
        .binary_search_by(|info| info.name.cmp(name))
        .ok()
        .and_then(|index| VARIABLES.get(index))
}

#[cfg(test)]
mod tests {
    use super::{VARIABLES, variable};

    #[test]
    fn the_table_is_sorted_and_replacements_are_current() {
        assert!(VARIABLES.is_sorted_by(|left, right| left.name < right.name));
        for info in VARIABLES {
            let replacement = info.replaced_by.map(|name| variable(name).unwrap());
            assert!(
                replacement.is_none_or(|replacement| replacement.replaced_by.is_none()),
                "{}",
                info.name
            );
        }
    }
}
