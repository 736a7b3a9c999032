//! This machine, as the language server asks of it: repositories on disk, read the way every command reads them.

use crate::configuration::Configuration;
use crate::repository::{self, Repository};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::rules::RULES;
use layerc_compiler::sources::{Entry, EntryKind};
use layerc_lsp::forecast::StepForecast;
use layerc_lsp::host::{Host, ProjectSettings};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// This machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pages: OnceLock<Option<PathBuf>>,
}

impl Machine {
    /// This machine.
    pub(crate) const fn new() -> Self {
        Self { pages: OnceLock::new() }
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

    fn forecast(&self) -> Option<&dyn StepForecast> {
        None
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
