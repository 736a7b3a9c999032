//! Repository files that a step of an earlier run wrote over, and that have changed since: RUN REPEATABLE starts from
//! that step's state, and must see today's.
//!
//! Files that no step wrote to are served as they are today in any case. Here the frozen layers are walked beside the
//! repository, into directories that both have: what only a step has (its results) costs nothing.

use super::store_layout::StoreLayout;
use crate::agent::{is_opaque, is_whiteout};
use crate::backend::{CopiedEntry, CopiedFiles, Layer, Resync};
use crate::read_set::TrackedPath;
use crate::repository_view::RepositoryView;
use crate::tracked::{Repository, Standing};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// See the module.
pub(super) fn resync(
    layout: &StoreLayout,
    repository: &Repository,
    layers: &[Layer],
    since_nanoseconds: i64,
) -> Resync {
    let mut walk = Walk { repository, since_nanoseconds, shown: BTreeMap::new(), gone: Vec::new() };
    for (place, layer) in layers.iter().enumerate() {
        let Layer::Copied(files) = layer else { continue };
        let above = layers.iter().skip(place + 1);
        let frozen = above.filter_map(|layer| match layer {
            Layer::Frozen(id) => Some(layout.layer(id)),
            Layer::Copied(_) => None,
        });
        for directory in frozen {
            files.entries.iter().for_each(|entry| walk.entry(&directory, entry));
        }
    }
    let entries = walk
        .shown
        .into_iter()
        .map(|(machine_path, repository_path)| CopiedEntry { repository_path, machine_path });
    Resync { changed: CopiedFiles { entries: entries.collect() }, gone: walk.gone }
}

struct Walk<'run> {
    repository: &'run Repository,
    since_nanoseconds: i64,
    /// Machine path to repository path.
    shown: BTreeMap<String, String>,
    gone: Vec<CopiedEntry>,
}

impl Walk<'_> {
    fn entry(&mut self, layer: &Path, entry: &CopiedEntry) {
        let written = layer.join(entry.machine_path.trim_start_matches('/'));
        self.compare(&written, entry);
    }

    /// What a layer has at a place where the repository shows something too.
    fn compare(&mut self, written: &Path, entry: &CopiedEntry) {
        let Ok(found) = fs::symlink_metadata(written) else { return };
        let path = TrackedPath::new(entry.repository_path.as_bytes());
        let Ok(standing) = self.repository.standing(&path, self.since_nanoseconds) else { return };
        match standing {
            Standing::Directory if found.is_dir() && !is_opaque(written) => {
                for name in names(written) {
                    self.compare(&written.join(&name), &below(entry, &name));
                }
            }
            // A step removed the directory, or put something in its place: today's news in it are shown again.
            Standing::Directory => self.all_changed(entry),
            Standing::Changed => {
                self.shown.insert(entry.machine_path.clone(), entry.repository_path.clone());
            }
            Standing::Unchanged => {}
            Standing::Absent if found.is_dir() || is_whiteout(&found) => {}
            Standing::Absent => self.gone.push(entry.clone()),
        }
    }

    fn all_changed(&mut self, entry: &CopiedEntry) {
        let path = TrackedPath::new(entry.repository_path.as_bytes());
        for name in self.repository.names(&path).unwrap_or_default() {
            let Ok(name) = String::from_utf8(name) else { continue };
            let entry = below(entry, &name);
            let path = TrackedPath::new(entry.repository_path.as_bytes());
            match self.repository.standing(&path, self.since_nanoseconds) {
                Ok(Standing::Directory) => self.all_changed(&entry),
                Ok(Standing::Changed) => {
                    self.shown.insert(entry.machine_path, entry.repository_path);
                }
                Ok(Standing::Unchanged | Standing::Absent) | Err(_) => {}
            }
        }
    }
}

/// The names in a directory of a layer; machine paths are UTF-8, so others can't be shown.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn below(entry: &CopiedEntry, name: &str) -> CopiedEntry {
    let join = |path: &str| match path.trim_end_matches('/') {
        "" if path.is_empty() => name.to_owned(),
        path => format!("{path}/{name}"),
    };
    CopiedEntry {
        repository_path: join(&entry.repository_path),
        machine_path: join(&entry.machine_path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::LayerId;
    use crate::tracked::RepositoryOptions;

    #[test]
    fn what_was_written_over_and_changed_is_shown_again() {
        let root = tempfile::tempdir().unwrap();
        let (tree, store) = (root.path().join("tree"), root.path().join("store"));
        let layout = StoreLayout::open(&store).unwrap();
        for file in ["same", "changed", "untouched", "d/in", "removed/x"] {
            fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
            fs::write(tree.join(file), "").unwrap();
        }
        let layer = layout.layer(&LayerId("l".to_owned()));
        for file in
            ["app/same", "app/changed", "app/d/in", "app/gone", "app/result/big", "app/removed"]
        {
            fs::create_dir_all(layer.join(file).parent().unwrap()).unwrap();
            fs::write(layer.join(file), "").unwrap();
        }
        let repository = Repository::open(&tree, RepositoryOptions::default()).unwrap();
        let copied = CopiedFiles {
            entries: vec![CopiedEntry {
                repository_path: String::new(),
                machine_path: "/app".to_owned(),
            }],
        };
        let layers = [Layer::Copied(copied), Layer::Frozen(LayerId("l".to_owned()))];
        let told = |since| {
            let Resync { changed, gone } = resync(&layout, &repository, &layers, since);
            let paths = |entries: Vec<CopiedEntry>| -> Vec<String> {
                entries.into_iter().map(|entry| entry.machine_path).collect()
            };
            (paths(changed.entries), paths(gone))
        };
        assert_eq!(
            told(0),
            (
                ["/app/changed", "/app/d/in", "/app/removed/x", "/app/same"]
                    .map(str::to_owned)
                    .to_vec(),
                vec!["/app/gone".to_owned()]
            )
        );
        assert_eq!(told(i64::MAX), (Vec::new(), vec!["/app/gone".to_owned()]));
    }
}
