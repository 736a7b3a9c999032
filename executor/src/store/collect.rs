//! Making room: the records used least recently go, and with them the layers that no other record needs.
//!
//! Crash-safe by its order: records are forgotten in one transaction before any of their layers moves, and layers are
//! moved aside before they are removed, so that no record ever names half a layer. Safe beside runs: machines write down
//! which layers they are made of while they hold the store's gate, and whoever collects closes it. A run that finds a
//! layer gone between its lookup and its machine makes the state again.

use super::history::{History, Status};
use super::record::{Record, Snapshot, StrongKey, WeakKey};
use super::runs::{Gate, gate};
use super::{Store, StoreError, at};
use crate::backend::{Backend, Layer, LayerId};
use crate::event::RunOutcome;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How exactly the time of a record's last use is known.
pub(crate) const USE_GRAIN: Duration = Duration::from_hours(24);

/// Begins the names of layers that are being removed.
const ASIDE: &str = "gone-";

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Records forgotten.
    pub records: usize,
    /// Layers removed.
    pub layers: usize,
    /// Bytes on disk that they took.
    pub freed_bytes: u64,
    /// Bytes on disk that the remaining layers take.
    pub kept_bytes: u64,
}

/// A record, as far as it matters here.
struct Aged {
    weak: WeakKey,
    strong: StrongKey,
    layers: Vec<LayerId>,
    /// Nanoseconds since 1970.
    used_at: u64,
}

/// Forgets records until the layers of the rest take at most `keep_bytes`. What a run that is alive or waits for a
/// person may need stays, whatever it takes.
///
/// # Errors
/// When the store can't be read or written.
pub fn collect(
    store: &Store,
    backend: &dyn Backend,
    keep_bytes: u64,
) -> Result<Collected, StoreError> {
    let layers = backend.layer_directory();
    let closed = gate(store.directory(), Gate::Closed).map_err(at("close", store.directory()))?;
    let sizes = sizes(layers)?;
    let mut records = aged(store)?;
    let needed: HashSet<LayerId> = backend.layers_in_use().into_iter().collect();
    let since = needed_since(store)?;
    records.sort_by_key(|record| record.used_at);
    let mut plan = Plan::new(&records, &sizes, needed);
    for record in records.iter().take_while(|record| record.used_at < since) {
        if plan.total_bytes <= keep_bytes {
            break;
        }
        plan.forget(record, &sizes);
    }
    let forgotten: Vec<_> =
        plan.forgotten.iter().map(|record| (record.weak, record.strong)).collect();
    store.index().forget(&forgotten)?;
    let mut aside = left_aside(layers)?;
    for layer in &plan.unneeded {
        let place = LayerId(format!("{ASIDE}{}", layer.0));
        let moved = fs::rename(layers.join(&layer.0), layers.join(&place.0));
        moved.map_err(at("move aside", &layers.join(&layer.0)))?;
        aside.push(place);
    }
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
        kept_bytes: plan.total_bytes,
    })
}

/// What is to go.
struct Plan<'run> {
    /// How many of the remaining records, and of the machines alive, need each layer.
    users: HashMap<LayerId, usize>,
    total_bytes: u64,
    forgotten: Vec<&'run Aged>,
    unneeded: Vec<LayerId>,
}

impl<'run> Plan<'run> {
    fn new(records: &[Aged], sizes: &HashMap<LayerId, u64>, needed: HashSet<LayerId>) -> Self {
        let mut users = HashMap::new();
        let of_records = records.iter().flat_map(|record| record.layers.iter().cloned());
        for layer in of_records.chain(needed) {
            *users.entry(layer).or_default() += 1;
        }
        let total_bytes = sizes.values().sum();
        Self { users, total_bytes, forgotten: Vec::new(), unneeded: Vec::new() }
    }

    /// Gives a record up. One without layers takes no room and stays.
    fn forget(&mut self, record: &'run Aged, sizes: &HashMap<LayerId, u64>) {
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

/// The moment from which on uses count as of a run that is alive or waits for a person; nanoseconds since 1970.
fn needed_since(store: &Store) -> Result<u64, StoreError> {
    let waiting = History::of(store).runs()?.into_iter().filter(
        |run| matches!(run.status(), Status::Ended(end) if end.outcome == RunOutcome::Waiting),
    );
    let waiting = waiting.map(|run| UNIX_EPOCH + Duration::from_millis(run.header().started_at_ms));
    let alive = store.run().others_began()?;
    let oldest = waiting.chain(alive).min();
    Ok(oldest.map_or(u64::MAX, |oldest| nanoseconds(oldest - USE_GRAIN)))
}

pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What each layer takes on disk.
fn sizes(layers: &Path) -> Result<HashMap<LayerId, u64>, StoreError> {
    let mut sizes = HashMap::new();
    if !layers.is_dir() {
        return Ok(sizes);
    }
    for entry in fs::read_dir(layers).map_err(at("list", layers))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(ASIDE) {
            sizes.insert(LayerId(name), crate::agent::disk_bytes(&entry.path()));
        }
    }
    Ok(sizes)
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
