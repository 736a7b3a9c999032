//! Layers that no record names: what a run had frozen before it was killed. Removed when nobody can be using them.

use super::collect::{changed_at, nanoseconds};
use super::record::Snapshot;
use super::runs::Cleanup;
use super::{Store, StoreError, at};
use crate::backend::{Layer, LayerId};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Removes such layers from `layers`, if an earlier run died and no other was alive when this one began. A run that
/// began since then has only made layers younger than `began`, when this one did.
///
/// # Errors
/// When the index can't be read. Layers that can't be removed stay.
pub fn remove(store: &Store, layers: &Path, began: SystemTime) -> Result<usize, StoreError> {
    if store.run().cleanup() != Cleanup::AloneAfterCrash || !layers.is_dir() {
        return Ok(0);
    }
    let began = nanoseconds(began);
    let named = named_layers(store)?;
    let mut removed = 0;
    for entry in fs::read_dir(layers).map_err(at("list", layers))?.flatten() {
        let is_old = changed_at(&entry).is_ok_and(|time| time < began);
        let id = LayerId(entry.file_name().to_string_lossy().into_owned());
        if is_old && !named.contains(&id) && fs::remove_dir_all(entry.path()).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

fn named_layers(store: &Store) -> Result<HashSet<LayerId>, StoreError> {
    let mut named = HashSet::new();
    for record in store.index().view()?.all_records()? {
        if let Snapshot::Taken(layers) = record.snapshot {
            named.extend(layers.into_iter().filter_map(|layer| match layer {
                Layer::Frozen(id) => Some(id),
                Layer::Copied(_) => None,
            }));
        }
    }
    Ok(named)
}
