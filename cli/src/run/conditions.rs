//! What decides how a plan runs besides the plan: images, secrets, variables, the store and the repository. Shared by
//! `run` and `plan`, which says what `run` would do.

use super::executor::ExecutorArguments;
use crate::configuration::{Configuration, ImageMap, parse_source};
use crate::exit::WrongUsage;
use crate::repository::Repository;
use crate::store_directory::store_directory;
use anyhow::Result;
use clap::Args;
use layerc_executor::backend::ImageSource;
use layerc_executor::run::image_names;
use layerc_planner::plan::Plan;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Debug, Default, Args)]
pub(crate) struct Conditions {
    /// Where a base image comes from: `host`, `oci:REFERENCE`, `oci-layout:PATH`, `docker-archive:PATH`, `rootfs:PATH` or
    /// `debootstrap:SUITE[@MIRROR]`; NAME `*` is every other one
    #[arg(long = "image", value_name = "NAME=SOURCE")]
    pub(super) images: Vec<String>,

    /// A secret: from the environment, or file:PATH, or cmd:COMMAND
    #[arg(long = "secret", value_name = "NAME[=SOURCE]")]
    pub(super) secrets: Vec<String>,

    /// The value of a built-in variable that isn't known here, like PULL_REQUEST_URL
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub(super) variables: Vec<String>,

    /// Where results are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) store: Option<PathBuf>,

    #[command(flatten)]
    pub(super) executor: ExecutorArguments,

    /// The repository that a plan file is run on [default: the current directory's]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) repository: Option<PathBuf>,
}

impl Conditions {
    /// What the base images of a plan stand for, as far as that is said: here, or else in what is `known`.
    pub(super) fn images(
        &self,
        plan: &Plan,
        known: ImageMap,
    ) -> Result<BTreeMap<String, ImageSource>> {
        let mut map = known;
        for text in &self.images {
            let (name, source) = named(text, "--image")?;
            let source = parse_source(&source, Path::new("."))
                .map_err(|message| WrongUsage(format!("--image {name}: {message}")))?;
            map.insert(&name, source);
        }
        let mut images = BTreeMap::new();
        for name in image_names(plan) {
            if let Some(source) = map.source(&name) {
                images.insert(name, source);
            }
        }
        Ok(images)
    }

    /// Built-in variables with values from the command line.
    pub(super) fn variables(&self) -> Result<BTreeMap<String, String>> {
        self.variables.iter().map(|text| named(text, "--variable")).collect()
    }

    /// Where results are kept.
    pub(super) fn store_directory(&self, configuration: &Configuration) -> Result<PathBuf> {
        store_directory(self.store.as_deref(), configuration.run.store.as_deref())
    }

    /// A plan file knows no place; the repository is where the user says or is.
    pub(crate) fn repository_of_plan_file(&self) -> Result<(PathBuf, Configuration)> {
        let root = Repository::root_of(self.repository.as_deref().unwrap_or(Path::new(".")))?;
        let configuration = Configuration::read(&root)?;
        Ok((root, configuration))
    }
}

fn named(text: &str, option: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(WrongUsage(format!("`{option}` needs NAME=VALUE, but this is `{text}`")).into()),
    }
}
