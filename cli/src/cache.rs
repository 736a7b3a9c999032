//! `layerc cache`: looks after the directories that CACHE keeps.

use crate::candidates;
use crate::exit::{Exit, WrongUsage};
use crate::here::Here;
use crate::listing::Format;
use crate::wording;
use crate::{size, terminal};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use layerc_executor::caches::{CacheInfo, Caches};
use layerc_executor::overlay::caches_of;
use serde_json::json;
use std::path::PathBuf;
use std::time::SystemTime;

const EXAMPLES: &str = "\
Examples:
  layerc cache ls                 every cache of the store, the one used last first
  layerc cache rm ~/.npm          forget the caches of this path, in every repository
  layerc cache rm 3f9a            forget one, by the beginning of its id
  layerc cache prune              forget the longest unused until the rest fits the limit
  layerc cache prune --size 0     forget all that no run uses

The limit is `[cache] size` in layerc.toml, 10G if it says nothing; every run ends with a prune.";

/// `layerc cache`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Where results are kept [default: as for `layerc run`]
    #[arg(long, value_name = "DIRECTORY", global = true)]
    store: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List them
    Ls {
        /// How they are shown
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Forget some: the next run finds them empty
    Rm {
        /// Ids (or their beginnings) or paths, as `ls` shows them
        #[arg(required = true, value_name = "ID|PATH", add = candidates::caches())]
        which: Vec<String>,
    },
    /// Forget the longest unused until the rest fits the limit
    Prune {
        /// Another limit than the configured one
        #[arg(long, value_name = "SIZE", value_parser = size::parse)]
        size: Option<u64>,
    },
}

/// Does it.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let Here { configuration, store, .. } = Here::with_store(arguments.store.as_deref())?;
    let caches = caches_of(&store, PathBuf::from("/proc/self/exe"))
        .with_context(|| format!("cannot open the store `{}`", store.display()))?;
    match &arguments.command {
        Command::Ls { format: Format::Table } => terminal::print(&table(&caches.list()?))?,
        Command::Ls { format: Format::Json } => {
            terminal::print(&caches.list()?.iter().map(json_line).collect::<String>())?;
        }
        Command::Rm { which } => remove(&caches, which)?,
        Command::Prune { size } => {
            let limit = size.unwrap_or(configuration.cache.size_bytes);
            terminal::print(&forgotten(&caches.limit(limit)?))?;
        }
    }
    Ok(Exit::Success)
}

fn remove(caches: &Caches, which: &[String]) -> Result<()> {
    let all = caches.list()?;
    for wanted in which {
        let found: Vec<CacheInfo> = all
            .iter()
            .filter(|info| info.id.starts_with(wanted.as_str()) || info.name.path == *wanted)
            .cloned()
            .collect();
        if found.is_empty() {
            let text =
                format!("there is no cache `{wanted}`: `layerc cache ls` shows what there is");
            return Err(WrongUsage(text).into());
        }
        for info in &found {
            caches.remove(&info.id)?;
        }
        terminal::print(&forgotten(&found))?;
    }
    Ok(())
}

fn json_line(info: &CacheInfo) -> String {
    let CacheInfo { id, name, bytes, used_at, users } = info;
    let used_at = used_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let value = json!({ "id": id, "path": name.path, "image": name.image, "repository": name.repository,
        "disk_bytes": bytes, "used_at_seconds": used_at.as_secs(), "users": users });
    format!("{value}\n")
}

fn table(found: &[CacheInfo]) -> String {
    let mut text = String::new();
    for info in found {
        let ago = SystemTime::now().duration_since(info.used_at).unwrap_or_default();
        let ago = wording::age(ago.as_secs());
        let using = if info.users > 0 { " (in use)" } else { "" };
        let CacheInfo { id, name, bytes, .. } = info;
        text.push_str(&format!(
            "{id}  {:>10}  {ago:>12}  {}  {} of {}{using}\n",
            size::shown(*bytes),
            name.path,
            name.image,
            name.repository
        ));
    }
    if text.is_empty() { "no caches\n".to_owned() } else { text }
}

fn forgotten(found: &[CacheInfo]) -> String {
    let bytes = found.iter().map(|info| info.bytes).sum();
    let lines =
        found.iter().map(|info| format!("forgot {} of {}\n", info.name.path, info.name.repository));
    format!("{}{} freed\n", lines.collect::<String>(), size::shown(bytes))
}
