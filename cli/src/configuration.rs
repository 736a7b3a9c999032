//! `layerc.toml`: which image and which secret comes from where, how loud each rule is, defaults of `layerc run`.
//!
//! Every key is known or refused, with the line and the nearest known word: a misspelled setting that is silently
//! ignored costs more than a missing one. Knows the file's words only; what an image source does is the executor's.

mod choices;
mod image;
mod reading;
mod secret;

use crate::exit::WrongUsage;
use crate::repository::CONFIGURATION_NAME;
use anyhow::{Context, Result};
pub(crate) use choices::{ExecutorChoice, Network, PullChoice};
pub(crate) use image::{ImageMap, misspelt_kind, parse_source};
use layerc_compiler::line_index::{ColumnUnit, LineIndex};
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_executor::agent::guest::Init;
use reading::{Found, Refusal};
pub(crate) use secret::SecretSource;
use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Bytes of a configuration file; nobody writes one near this size.
const MAX_CONFIGURATION_BYTES: u64 = 1 << 20;

/// The tables of the file.
const SECTIONS: [&str; 5] = ["cache", "images", "lints", "run", "secrets"];

/// What the project chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// `[images]`: names to sources.
    pub(crate) images: ImageMap,
    /// `[lints]`: rules to levels.
    pub(crate) lints: LintConfiguration,
    /// `[run]`: defaults of the run command.
    pub(crate) run: RunDefaults,
    /// `[cache]`: what CACHE may keep.
    pub(crate) cache: CacheDefaults,
    /// `[secrets]`: names to where their values come from.
    pub(crate) secrets: BTreeMap<String, SecretSource>,
}

/// The keys of `[run]`.
const RUN_KEYS: [&str; 12] = [
    "executor",
    "expose_idle_seconds",
    "expose_port",
    "expose_wait_seconds",
    "init",
    "jobs",
    "kernel",
    "max_disk",
    "network",
    "pull",
    "store",
    "store_key",
];

/// `[run]`. An option on the command line wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RunDefaults {
    /// `jobs = 4`: runners at once.
    pub(crate) jobs: Option<NonZeroU32>,
    /// `expose_wait_seconds = 120`: how long EXPOSE waits for a port to answer.
    pub(crate) expose_wait_seconds: Option<NonZeroU32>,
    /// `expose_idle_seconds = 900`: when an exposed virtual machine is put to sleep; 0 for never.
    pub(crate) expose_idle_seconds: Option<u32>,
    /// `expose_port = 8080`: where exposed websites are.
    pub(crate) expose_port: Option<NonZeroU16>,
    /// `store = "PATH"`: where results are kept, relative to the configuration file.
    pub(crate) store: Option<PathBuf>,
    /// `pull = "never"`: when images are fetched from their registries.
    pub(crate) pull: Option<PullChoice>,
    /// `max_disk = "10G"`: most that a step may write to disk.
    pub(crate) max_disk_bytes: Option<u64>,
    /// `network = "none"`: what steps reach.
    pub(crate) network: Option<Network>,
    /// `executor = "auto"`: what machines are made of.
    pub(crate) executor: Option<ExecutorChoice>,
    /// `kernel = "PATH"`: what virtual machines boot, relative to the configuration file.
    pub(crate) kernel: Option<PathBuf>,
    /// `init = "agent"`: who is process 1 of virtual machines.
    pub(crate) init: Init,
    /// `store_key = "PATH"`: the key of the store's owner, relative to the configuration file.
    pub(crate) store_key: Option<PathBuf>,
}

/// `[cache]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheDefaults {
    /// `size = "10G"`: bytes on disk of all caches of a store together.
    pub(crate) size_bytes: u64,
}

impl Default for CacheDefaults {
    fn default() -> Self {
        Self { size_bytes: 10 << 30 }
    }
}

impl Configuration {
    /// The configuration of the repository at `root`; the default if it has none.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let path = root.join(CONFIGURATION_NAME);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > MAX_CONFIGURATION_BYTES => {
                Err(WrongUsage(format!("`{}` is larger than 1 MiB", path.display())).into())
            }
            Ok(_) => {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read `{}`", path.display()))?;
                Self::parse(&text, root)
                    .map_err(|refusal| WrongUsage(located(&path, &text, &refusal)).into())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(error).with_context(|| format!("cannot look at `{}`", path.display()))
            }
        }
    }

    fn parse(text: &str, root: &Path) -> Result<Self, Refusal> {
        let table = DeTable::parse(text).map_err(|error| Refusal::of_toml(&error))?;
        let mut configuration = Self::default();
        for entry in Found::entries(table.get_ref()) {
            match entry.name {
                "cache" => configuration.cache = CacheDefaults::read(&entry)?,
                "images" => configuration.images = ImageMap::read(&entry, root)?,
                "lints" => configuration.read_lints(&entry)?,
                "run" => configuration.run = RunDefaults::read(&entry, root)?,
                "secrets" => configuration.secrets = secret::read(&entry, root)?,
                _ => {
                    return Err(entry.unknown("section", &SECTIONS));
                }
            }
        }
        for name in configuration.images.names() {
            configuration.lints.add_known_image(name);
        }
        Ok(configuration)
    }

    fn read_lints(&mut self, section: &Found<'_>) -> Result<(), Refusal> {
        for entry in section.table()? {
            let level = entry.text()?;
            self.lints.set(entry.name, level).map_err(|error| entry.refused(error.to_string()))?;
        }
        Ok(())
    }
}

impl CacheDefaults {
    fn read(section: &Found<'_>) -> Result<Self, Refusal> {
        let mut defaults = Self::default();
        for entry in section.table()? {
            match entry.name {
                "size" => {
                    defaults.size_bytes =
                        crate::size::parse(entry.text()?).map_err(|text| entry.refused(text))?;
                }
                _ => return Err(entry.unknown("key", &["size"])),
            }
        }
        Ok(defaults)
    }
}

impl RunDefaults {
    fn read(section: &Found<'_>, root: &Path) -> Result<Self, Refusal> {
        let mut defaults = Self::default();
        for entry in section.table()? {
            match entry.name {
                "jobs" => defaults.jobs = Some(entry.positive()?),
                "expose_wait_seconds" => defaults.expose_wait_seconds = Some(entry.positive()?),
                "expose_idle_seconds" => defaults.expose_idle_seconds = Some(entry.whole()?),
                "expose_port" => defaults.expose_port = Some(entry.port()?),
                "max_disk" => {
                    let size = crate::size::parse(entry.text()?);
                    defaults.max_disk_bytes = Some(size.map_err(|text| entry.refused(text))?);
                }
                "store" => defaults.store = Some(root.join(entry.text()?)),
                "network" => defaults.network = Some(network(&entry)?),
                "executor" => defaults.executor = Some(executor(&entry)?),
                "kernel" => defaults.kernel = Some(root.join(entry.text()?)),
                "init" => defaults.init = init(&entry)?,
                "store_key" => defaults.store_key = Some(root.join(entry.text()?)),
                "pull" => defaults.pull = Some(pull(&entry)?),
                _ => return Err(entry.unknown("key", &RUN_KEYS)),
            }
        }
        Ok(defaults)
    }
}

fn network(entry: &Found<'_>) -> Result<Network, Refusal> {
    let word = entry.text()?;
    Network::named(word).ok_or_else(|| {
        entry.refused(format!("`network` is `none`, `pasta` or `host`, but this is `{word}`"))
    })
}

fn executor(entry: &Found<'_>) -> Result<ExecutorChoice, Refusal> {
    let word = entry.text()?;
    ExecutorChoice::named(word).ok_or_else(|| {
        entry.refused(format!("`executor` is `kvm`, `overlay` or `auto`, but this is `{word}`"))
    })
}

fn init(entry: &Found<'_>) -> Result<Init, Refusal> {
    let word = entry.text()?;
    Init::named(word).ok_or_else(|| {
        entry.refused(format!("`init` is `auto`, `agent` or `systemd`, but this is `{word}`"))
    })
}

fn pull(entry: &Found<'_>) -> Result<PullChoice, Refusal> {
    let word = entry.text()?;
    PullChoice::named(word).ok_or_else(|| {
        entry.refused(format!("`pull` is `missing`, `always` or `never`, but this is `{word}`"))
    })
}

/// `layerc.toml:3:5: …`, so that editors and terminals find the place.
fn located(path: &Path, text: &str, refusal: &Refusal) -> String {
    let offset = u32::try_from(refusal.offset).unwrap_or(u32::MAX);
    let place = LineIndex::new(text).position(text, offset, ColumnUnit::Characters);
    format!("{}:{}:{}: {}", path.display(), place.line, place.column, refusal.message)
}

#[cfg(test)]
mod tests;
