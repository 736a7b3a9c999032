//! Making room: what was used least recently goes, be it a record, with the layers that no other record needs, or
//! something of another kind ([`room`](super::room)) that can be had again.
//!
//! Crash-safe by its order: records are forgotten in one transaction before any of their layers moves, and layers are
//! moved aside before they are removed, so that no record ever names half a layer. Safe beside runs: machines write down
//! which layers they are made of while they hold the store's gate, and whoever collects closes it. A run that finds a
//! layer gone between its lookup and its machine makes the state again.
//!
//! Some layers have no record at all: of runs that failed or were stopped, of steps that two processes ran at once, of
//! records forgotten under a machine that was alive. They go as soon as no run is alive that might still record them.

use super::history::{History, Status};
use super::record::{Record, Snapshot, StrongKey, WeakKey};
use super::room::{ASIDE, Attempt, Hoard, Kept, KeptKind};
use super::runs::{Gate, gate};
use super::{Store, StoreError, at};
use crate::backend::{Backend, Layer, LayerId};
use crate::event::RunOutcome;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How exactly the time of a record's last use is known.
pub(crate) const USE_GRAIN: Duration = Duration::from_hours(24);

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Records forgotten.
    pub records: usize,
    /// Layers removed.
    pub layers: usize,
    /// Bytes on disk that they took.
    pub freed_bytes: u64,
    /// Bytes on disk that the remaining layers take.
    pub kept_bytes: u64,
    /// The same for the other kinds.
    pub others: BTreeMap<KeptKind, Others>,
}

/// What became of the things of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Others {
    /// Things removed.
    pub removed: usize,
    /// Bytes on disk that they took.
    pub freed_bytes: u64,
    /// Things that stay.
    pub kept: usize,
    /// Bytes on disk that they take.
    pub kept_bytes: u64,
}

impl Collected {
    /// Bytes on disk that are free again.
    pub fn all_freed_bytes(&self) -> u64 {
        self.freed_bytes + self.others.values().map(|others| others.freed_bytes).sum::<u64>()
    }

    /// Bytes on disk that remain taken.
    pub fn all_kept_bytes(&self) -> u64 {
        self.kept_bytes + self.others.values().map(|others| others.kept_bytes).sum::<u64>()
    }
}

/// A record, as far as it matters here.
struct Aged {
    weak: WeakKey,
    strong: StrongKey,
    layers: Vec<LayerId>,
    /// Nanoseconds since 1970.
    used_at: u64,
}

/// Something that may go, by the time of its last use.
enum Candidate<'list> {
    Record(&'list Aged),
    Other { hoard: usize, kept: &'list Kept },
}

/// Lets things go, the least recently used first, until what stays takes at most `keep_bytes`. What a run that is alive or
/// waits for a person may need stays, whatever it takes.
///
/// # Errors
/// When the store can't be read or written.
pub fn collect(
    store: &Store,
    backend: &dyn Backend,
    hoards: &[&dyn Hoard],
    keep_bytes: u64,
) -> Result<Collected, StoreError> {
    let layers = backend.layer_directory();
    let mut others = Vec::new();
    for (hoard, list) in hoards.iter().enumerate() {
        others.extend(list.list()?.into_iter().map(|kept| (hoard, kept)));
    }
    let closed = gate(store.directory(), Gate::Closed).map_err(at("close", store.directory()))?;
    // In this order. Whose layer was listed is either still alive after that, or has written its record before.
    let found = found(layers)?;
    let alive = store.run().others_began()?;
    let needed: HashSet<LayerId> = backend.layers_in_use().into_iter().collect();
    let records = aged(store)?;
    let sizes: HashMap<LayerId, u64> =
        found.iter().map(|(layer, found)| (layer.clone(), found.bytes)).collect();
    let other_bytes: u64 = others.iter().map(|(_, kept)| kept.bytes).sum();
    let mut plan = Plan::new(&records, &sizes, needed, other_bytes);
    plan.give_up_unnamed(&found, alive.iter().min().map_or(u64::MAX, |began| nanoseconds(*began)));
    let since = needed_since(store, alive)?;
    plan.choose(candidates(&records, &others, since), &sizes, keep_bytes);
    let forgotten: Vec<_> =
        plan.forgotten.iter().map(|record| (record.weak, record.strong)).collect();
    store.index().forget(&forgotten)?;
    let aside = move_aside(layers, &plan.unneeded)?;
    drop(closed);
    for layer in &aside {
        // What can't be removed now is tried again next time.
        let _ = backend.remove_layer(layer);
    }
    let freed_bytes = plan.unneeded.iter().filter_map(|layer| sizes.get(layer)).sum();
    Ok(Collected {
        records: forgotten.len(),
        layers: plan.unneeded.len(),
        freed_bytes,
        kept_bytes: sizes.values().sum::<u64>() - freed_bytes,
        others: let_go(hoards, &others, &plan.others)?,
    })
}

/// All that nobody needs, the least recently used first. What was used since `since` may be needed.
fn candidates<'list>(
    records: &'list [Aged],
    others: &'list [(usize, Kept)],
    since: u64,
) -> Vec<Candidate<'list>> {
    let records = records.iter().map(|record| (record.used_at, Candidate::Record(record)));
    let others = others
        .iter()
        .filter(|(_, kept)| !kept.is_needed)
        .map(|(hoard, kept)| (nanoseconds(kept.used_at), Candidate::Other { hoard: *hoard, kept }));
    let mut candidates: Vec<_> =
        records.chain(others).filter(|(used_at, _)| *used_at < since).collect();
    candidates.sort_unstable_by_key(|(used_at, _)| *used_at);
    candidates.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Moves layers aside, and finds those that somebody who was killed had moved.
fn move_aside(layers: &Path, unneeded: &[LayerId]) -> Result<Vec<LayerId>, StoreError> {
    let mut aside = left_aside(layers)?;
    for layer in unneeded {
        let place = LayerId(format!("{ASIDE}{}", layer.0));
        let moved = fs::rename(layers.join(&layer.0), layers.join(&place.0));
        moved.map_err(at("move aside", &layers.join(&layer.0)))?;
        aside.push(place);
    }
    Ok(aside)
}

/// Removes what was chosen of the other kinds. What somebody has begun to use since stays.
fn let_go(
    hoards: &[&dyn Hoard],
    all: &[(usize, Kept)],
    chosen: &[(usize, &Kept)],
) -> Result<BTreeMap<KeptKind, Others>, StoreError> {
    let mut kinds: BTreeMap<KeptKind, Others> = BTreeMap::new();
    for (_, kept) in all {
        let kind = kinds.entry(kept.kind).or_default();
        kind.kept += 1;
        kind.kept_bytes += kept.bytes;
    }
    for (hoard, kept) in chosen {
        let Some(hoard) = hoards.get(*hoard) else { continue };
        if let Attempt::Removed(freed_bytes) = hoard.remove(kept)? {
            let kind = kinds.entry(kept.kind).or_default();
            kind.kept -= 1;
            kind.kept_bytes -= kept.bytes;
            kind.removed += 1;
            kind.freed_bytes += freed_bytes;
        }
    }
    Ok(kinds)
}

/// What is to go.
struct Plan<'list> {
    /// How many of the remaining records, and of the machines alive, need each layer.
    users: HashMap<LayerId, usize>,
    total_bytes: u64,
    forgotten: Vec<&'list Aged>,
    unneeded: Vec<LayerId>,
    others: Vec<(usize, &'list Kept)>,
}

impl<'list> Plan<'list> {
    fn new(
        records: &[Aged],
        sizes: &HashMap<LayerId, u64>,
        needed: HashSet<LayerId>,
        other_bytes: u64,
    ) -> Self {
        let mut users = HashMap::new();
        let of_records = records.iter().flat_map(|record| record.layers.iter().cloned());
        for layer in of_records.chain(needed) {
            *users.entry(layer).or_default() += 1;
        }
        let total_bytes = sizes.values().sum::<u64>() + other_bytes;
        Self { users, total_bytes, forgotten: Vec::new(), unneeded: Vec::new(), others: Vec::new() }
    }

    /// Takes candidates until the rest fits.
    fn choose(
        &mut self,
        candidates: Vec<Candidate<'list>>,
        sizes: &HashMap<LayerId, u64>,
        keep_bytes: u64,
    ) {
        for candidate in candidates {
            if self.total_bytes <= keep_bytes {
                break;
            }
            match candidate {
                Candidate::Record(record) => self.forget(record, sizes),
                Candidate::Other { hoard, kept } => {
                    self.total_bytes = self.total_bytes.saturating_sub(kept.bytes);
                    self.others.push((hoard, kept));
                }
            }
        }
    }

    /// Gives up the layers that nobody needs and nobody alive can have made: they were there `before` the oldest began.
    fn give_up_unnamed(&mut self, found: &BTreeMap<LayerId, Found>, before: u64) {
        for (layer, Found { bytes, frozen_at }) in found {
            if *frozen_at < before && !self.users.contains_key(layer) {
                self.total_bytes -= bytes;
                self.unneeded.push(layer.clone());
            }
        }
    }

    /// Gives a record up. One without layers takes no room and stays.
    fn forget(&mut self, record: &'list Aged, sizes: &HashMap<LayerId, u64>) {
        if record.layers.is_empty() {
            return;
        }
        for layer in &record.layers {
            let Some(users) = self.users.get_mut(layer) else { continue };
            *users -= 1;
            if let (0, Some(bytes)) = (*users, sizes.get(layer)) {
                self.total_bytes -= bytes;
                self.unneeded.push(layer.clone());
            }
        }
        self.forgotten.push(record);
    }
}

fn aged(store: &Store) -> Result<Vec<Aged>, StoreError> {
    let view = store.index().view()?;
    let mut aged = Vec::new();
    for record in view.all_records()? {
        let used_at = view.used_at(record.strong)?.unwrap_or_default().max(record.recorded_at);
        let Record { weak, strong, snapshot, .. } = record;
        aged.push(Aged { weak, strong, layers: frozen(snapshot), used_at });
    }
    Ok(aged)
}

/// Each frozen layer of a state once.
fn frozen(snapshot: Snapshot) -> Vec<LayerId> {
    let Snapshot::Taken(layers) = snapshot else { return Vec::new() };
    let frozen = layers.into_iter().filter_map(|layer| match layer {
        Layer::Frozen(id) => Some(id),
        Layer::Copied(_) => None,
    });
    let once: HashSet<LayerId> = frozen.collect();
    once.into_iter().collect()
}

/// The moment from which on uses count as of a run that waits for a person or is `alive`; nanoseconds since 1970.
fn needed_since(store: &Store, alive: Vec<SystemTime>) -> Result<u64, StoreError> {
    let waiting = History::of(store).runs()?.into_iter().filter(
        |run| matches!(run.status(), Status::Ended(end) if end.outcome == RunOutcome::Waiting),
    );
    let waiting = waiting.map(|run| UNIX_EPOCH + Duration::from_millis(run.header().started_at_ms));
    let oldest = waiting.chain(alive).min();
    Ok(oldest.map_or(u64::MAX, |oldest| nanoseconds(oldest - USE_GRAIN)))
}

pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A layer's directory.
struct Found {
    /// What it takes on disk.
    bytes: u64,
    /// Not before this moment, in nanoseconds since 1970, was it given its name. Steps can set the other times.
    frozen_at: u64,
}

fn found(layers: &Path) -> Result<BTreeMap<LayerId, Found>, StoreError> {
    let mut found = BTreeMap::new();
    if !layers.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(layers).map_err(at("list", layers))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(ASIDE) {
            let Ok(frozen_at) = changed_at(&entry) else { continue };
            let bytes = crate::agent::disk_bytes(&entry.path());
            found.insert(LayerId(name), Found { bytes, frozen_at });
        }
    }
    Ok(found)
}

/// When a directory itself was changed last, in nanoseconds since 1970: a time that nobody can set.
pub(super) fn changed_at(entry: &fs::DirEntry) -> std::io::Result<u64> {
    let metadata = entry.metadata()?;
    let nanoseconds = metadata.ctime().saturating_mul(1_000_000_000) + metadata.ctime_nsec();
    Ok(u64::try_from(nanoseconds).unwrap_or_default())
}

/// What somebody who was killed had moved aside.
fn left_aside(layers: &Path) -> Result<Vec<LayerId>, StoreError> {
    if !layers.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(layers).map_err(at("list", layers))?.flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.starts_with(ASIDE)).map(LayerId).collect())
}
