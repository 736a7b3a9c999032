//! `layerc gc`: makes room in the store.

use crate::exit::Exit;
use crate::past::{Archive, StoreArgument};
use crate::{size, terminal};
use anyhow::Result;
use clap::Args;
use layerc_executor::clones::KeptClones;
use layerc_executor::kvm::KeptKernels;
use layerc_executor::overlay::{OverlayBackend, OverlayOptions};
use layerc_executor::store::collect::{Collected, collect};
use layerc_executor::store::history::History;
use layerc_executor::store::room::{Hoard, KeptKind};
use layerc_executor::tracked::{Repository, RepositoryOptions};
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  layerc gc                      keep 20 GiB
  layerc gc --keep-storage 5G    keep less
  layerc gc --keep-storage 0     keep only what runs need that are alive or wait for a person

The least recently used goes first, whatever it is: results and their states, images that were pulled, bases that were
unpacked or installed, commits that CLONE brought, kernels but the newest, records of runs. All of it comes back when it is needed. Images that were
imported by name would not: those stay until `layerc image rm`. What CACHE keeps has a limit of its own: `layerc cache prune`.";

/// `layerc gc`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Bytes on disk that all of it together may take
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
    backend.bases().sweep();
    let (clones, history) = (KeptClones::of(store.directory()), History::of(&store));
    let kernels = KeptKernels::of(store.directory());
    kernels.sweep();
    let hoards: [&dyn Hoard; 5] = [backend.images(), backend.bases(), &clones, &kernels, &history];
    let collected = collect(&store, &backend, &hoards, arguments.keep_storage)?;
    terminal::print(&told(&collected))?;
    Ok(Exit::Success)
}

/// A line on the whole and one for each kind that there is.
fn told(collected: &Collected) -> String {
    let mut text = format!(
        "{} freed, {} kept\n",
        size::shown(collected.all_freed_bytes()),
        size::shown(collected.all_kept_bytes())
    );
    let Collected { records, layers, freed_bytes, kept_bytes, .. } = collected;
    let gone = format!("{records} results forgotten, {layers} layers removed");
    text.push_str(&line("states", *freed_bytes, *kept_bytes, &gone));
    for (kind, others) in &collected.others {
        let gone = format!("{} removed, {} kept", others.removed, others.kept);
        text.push_str(&line(named(*kind), others.freed_bytes, others.kept_bytes, &gone));
    }
    text
}

fn line(what: &str, freed_bytes: u64, kept_bytes: u64, gone: &str) -> String {
    format!(
        "  {what:<8}  {:>10} freed  {:>10} kept  {gone}\n",
        size::shown(freed_bytes),
        size::shown(kept_bytes)
    )
}

const fn named(kind: KeptKind) -> &'static str {
    match kind {
        KeptKind::Image => "images",
        KeptKind::Base => "bases",
        KeptKind::Clone => "clones",
        KeptKind::Kernel => "kernels",
        KeptKind::History => "runs",
    }
}
