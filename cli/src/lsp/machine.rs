//! This machine, as the language server asks of it: repositories on disk, read the way every command reads them.

use super::outlook::{self, Outlooks};
use super::shellcheck;
use crate::configuration::Configuration;
use crate::repository::{self, Repository};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::rules::RULES;
use layerc_compiler::sources::{Entry, EntryKind};
use layerc_executor::variables::BuiltIns;
use layerc_lsp::forecast::StepForecast;
use layerc_lsp::host::{Host, ProjectSettings};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long what git says counts: an editor asks again whenever it scrolls.
const FRESH: Duration = Duration::from_secs(2);

/// Built-in variables as they were when git was asked.
#[derive(Debug)]
struct Variables {
    asked: Instant,
    values: BTreeMap<String, String>,
}

/// This machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pages: OnceLock<Option<PathBuf>>,
    outlooks: Outlooks,
    variables: Mutex<BTreeMap<PathBuf, Variables>>,
}

impl Machine {
    /// This machine.
    pub(crate) fn new() -> Self {
        Self { pages: OnceLock::new(), outlooks: Outlooks::default(), variables: Mutex::default() }
    }
}

impl Host for Machine {
    fn repository_root(&self, path: &Path) -> Option<PathBuf> {
        repository::root_above(path).map(Path::to_owned)
    }

    fn layerfiles(&self, root: &Path) -> Vec<RepoPath> {
        Repository::layerfiles(root)
    }

    fn read_text(&self, path: &Path) -> Result<String, String> {
        repository::read_text(path)
    }

    fn kind(&self, path: &Path) -> Option<EntryKind> {
        repository::read_kind(path)
    }

    fn list(&self, directory: &Path) -> Vec<Entry> {
        repository::read_list(directory)
    }

    fn ignored(&self, root: &Path, directory: &Path) -> BTreeSet<String> {
        Repository::ignored(root, directory)
    }

    fn project_settings(&self, root: &Path) -> ProjectSettings {
        match Configuration::read(root) {
            Ok(configuration) => ProjectSettings {
                images: configuration.images.names().map(str::to_owned).collect(),
                lints: configuration.lints,
                problem: None,
            },
            Err(error) => ProjectSettings {
                problem: Some(format!("{error:#}")),
                ..ProjectSettings::default()
            },
        }
    }

    fn rule_pages(&self) -> Option<&Path> {
        self.pages.get_or_init(write_pages).as_deref()
    }

    fn variables(&self, root: &Path) -> BTreeMap<String, String> {
        let mut known = self.variables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(root)
            && known.asked.elapsed() < FRESH
        {
            return known.values.clone();
        }
        let values = BuiltIns::new(root, "", BTreeMap::new()).all("");
        let asked = Variables { asked: Instant::now(), values: values.clone() };
        known.insert(root.to_owned(), asked);
        values
    }

    fn shellcheck(&self, program: &str, script: &str) -> Option<String> {
        shellcheck::check(program, script)
    }

    fn run_directory(&self, root: &Path) -> Option<PathBuf> {
        outlook::records(root)
    }

    fn look_again(&self) {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.outlooks.forget();
    }

    fn forecast(&self) -> Option<&dyn StepForecast> {
        Some(&self.outlooks)
    }
}

/// The pages of all rules as files in the user's cache directory, one directory for each version of their texts.
fn write_pages() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty());
    let cache = cache.map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cache")))?;
    let directory = cache.join("layerc").join(format!("rules-{}", env!("CARGO_PKG_VERSION")));
    fs::create_dir_all(&directory).ok()?;
    for rule in RULES {
        let path = directory.join(format!("{}.md", rule.code));
        let is_current = fs::read_to_string(&path).is_ok_and(|text| text == rule.page);
        if !is_current {
            fs::write(&path, rule.page).ok()?;
        }
    }
    Some(directory)
}
