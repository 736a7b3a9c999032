//! What the server asks of the machine it runs on: where repositories begin, what is in them, how they are configured.
//!
//! The command line answers from disk, tests from memory. Knows nothing of protocols or of unsaved buffers.

use crate::forecast::StepForecast;
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{Entry, EntryKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// The machine around the server. Every answer is that of the moment; the server keeps them until something changes.
pub trait Host: Debug + Send + Sync {
    /// The root of the repository that holds `path`, which need not exist: the nearest directory above it that git
    /// or a `layerc.toml` marks. `None` if none is marked.
    fn repository_root(&self, path: &Path) -> Option<PathBuf>;

    /// The Layerfiles of the repository at `root`, sorted; ignored ones left out.
    fn layerfiles(&self, root: &Path) -> Vec<RepoPath>;

    /// The text of a file.
    ///
    /// # Errors
    /// If it can't be read or isn't UTF-8; the words say why.
    fn read_text(&self, path: &Path) -> Result<String, String>;

    /// What `path` names. Links are not followed.
    fn kind(&self, path: &Path) -> Option<EntryKind>;

    /// The entries of a directory, sorted by name; empty if it is not one.
    fn list(&self, directory: &Path) -> Vec<Entry>;

    /// The names in `directory` of the repository at `root` that its `.gitignore` files exclude.
    fn ignored(&self, root: &Path, directory: &Path) -> BTreeSet<String> {
        let _unknown = (root, directory);
        BTreeSet::new()
    }

    /// What the `layerc.toml` of a repository says.
    fn project_settings(&self, root: &Path) -> ProjectSettings;

    /// The directory that holds the page of each rule as `LF0123.md`, for links that any editor can open; `None` where
    /// they can't be kept.
    fn rule_pages(&self) -> Option<&Path>;

    /// The built-in variables whose value can be told without a run, as they are now in the repository at `root`: its
    /// branch, its commit and what follows from them. Empty where nothing can be told.
    fn variables(&self, root: &Path) -> BTreeMap<String, String> {
        let _unknown = root;
        BTreeMap::new()
    }

    /// What the ShellCheck at `program` says of a bash script, in its format `json1`; `None` where it can't be started.
    fn shellcheck(&self, program: &str, script: &str) -> Option<String> {
        let _never = (program, script);
        None
    }

    /// The directory in which something changes whenever a run of the repository at `root` gets on; it need not exist.
    fn run_directory(&self, root: &Path) -> Option<PathBuf> {
        let _unknown = root;
        None
    }

    /// What runs or the branch tell may have changed: nothing of it may be answered from memory any more.
    fn look_again(&self) {}

    /// What past runs tell about a plan; `None` where nothing is known of runs.
    fn forecast(&self) -> Option<&dyn StepForecast>;
}

/// What a repository's `layerc.toml` says, as far as editors are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectSettings {
    /// `[lints]`, and the images of `[images]` as known ones.
    pub lints: LintConfiguration,
    /// The names of `[images]`, sorted.
    pub images: Vec<String>,
    /// Why the file could not be read; then the rest is the default.
    pub problem: Option<String>,
}
