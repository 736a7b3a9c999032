//! `layerc gc`: makes room in the store.

use crate::exit::Exit;
use crate::past::{Archive, StoreArgument};
use crate::{size, terminal};
use anyhow::Result;
use clap::Args;
use layerc_executor::overlay::{OverlayBackend, OverlayOptions};
use layerc_executor::store::collect::{Collected, collect};
use layerc_executor::tracked::{Repository, RepositoryOptions};
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  layerc gc                      keep 20 GiB of states
  layerc gc --keep-storage 5G    keep less
  layerc gc --keep-storage 0     keep only what runs need that are alive or wait for a person

The states used least recently go first. What CACHE keeps has a limit of its own: `layerc cache prune`.";

/// `layerc gc`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Bytes on disk that kept states may take
    #[arg(long, value_name = "SIZE", value_parser = size::parse, default_value = "20G")]
    keep_storage: u64,

    #[command(flatten)]
    store: StoreArgument,
}

/// Makes room.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let Archive { store, root } = arguments.store.open()?;
    let repository = Arc::new(Repository::open(&root, RepositoryOptions::default())?);
    let backend = OverlayBackend::new(store.directory(), repository, OverlayOptions::default())?;
    let Collected { records, layers, freed_bytes, kept_bytes } =
        collect(&store, &backend, arguments.keep_storage)?;
    terminal::print(&format!(
        "{} freed: {records} results forgotten, {layers} layers removed; {} kept\n",
        size::shown(freed_bytes),
        size::shown(kept_bytes)
    ))?;
    Ok(Exit::Success)
}
