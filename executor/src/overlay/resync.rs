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
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// See the module.
pub(super) fn resync(
    layout: &StoreLayout,
    repository: &Repository,
    layers: &[Layer],
    since_nanoseconds: i64,
) -> Resync {
    let mut walk = Walk::new(repository, since_nanoseconds);
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
    let gone = std::mem::take(&mut walk.gone);
    Resync { changed: walk.changed_files(), gone }
}

/// What the repository has changed since a moment of all that these show. What later ones show counts.
pub(crate) fn changed_since(
    repository: &Repository,
    shown: &[CopiedFiles],
    since_nanoseconds: i64,
) -> CopiedFiles {
    let mut walk = Walk::new(repository, since_nanoseconds);
    shown.iter().flat_map(|files| &files.entries).for_each(|entry| walk.changed(entry));
    walk.changed_files()
}

/// Where these show something that the repository had and has no more: their own sources, and of what is below those
/// whatever it `had`.
pub(crate) fn gone(
    repository: &Repository,
    shown: &[CopiedFiles],
    had: &[TrackedPath],
) -> Vec<String> {
    let is_gone =
        |path: &&TrackedPath| matches!(repository.standing(path, i64::MAX), Ok(Standing::Absent));
    let entries = || shown.iter().flat_map(|files| &files.entries);
    let sources: Vec<TrackedPath> =
        entries().map(|entry| TrackedPath::new(entry.repository_path.as_bytes())).collect();
    let gone: BTreeSet<&TrackedPath> = sources.iter().chain(had).filter(is_gone).collect();
    let gone: Vec<&str> =
        gone.into_iter().filter_map(|path| str::from_utf8(path.as_bytes()).ok()).collect();
    entries().flat_map(|entry| gone.iter().filter_map(|path| place_of(path, entry))).collect()
}

/// Where an entry shows a repository path, if it does.
fn place_of(path: &str, entry: &CopiedEntry) -> Option<String> {
    let rest = match entry.repository_path.as_str() {
        "" => path,
        source => match path.strip_prefix(source)? {
            "" => return Some(entry.machine_path.clone()),
            below => below.strip_prefix('/')?,
        },
    };
    Some(format!("{}/{rest}", entry.machine_path.trim_end_matches('/')))
}

struct Walk<'run> {
    repository: &'run Repository,
    since_nanoseconds: i64,
    /// Machine path to repository path.
    shown: BTreeMap<String, String>,
    gone: Vec<CopiedEntry>,
}

impl<'run> Walk<'run> {
    fn new(repository: &'run Repository, since_nanoseconds: i64) -> Self {
        Self { repository, since_nanoseconds, shown: BTreeMap::new(), gone: Vec::new() }
    }

    fn changed_files(self) -> CopiedFiles {
        let entries = self
            .shown
            .into_iter()
            .map(|(machine_path, repository_path)| CopiedEntry { repository_path, machine_path });
        CopiedFiles { entries: entries.collect() }
    }

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
            self.changed(&below(entry, &name));
        }
    }

    fn changed(&mut self, entry: &CopiedEntry) {
        let path = TrackedPath::new(entry.repository_path.as_bytes());
        match self.repository.standing(&path, self.since_nanoseconds) {
            Ok(Standing::Directory) => self.all_changed(entry),
            Ok(Standing::Changed) => {
                self.shown.insert(entry.machine_path.clone(), entry.repository_path.clone());
            }
            Ok(Standing::Unchanged | Standing::Absent) | Err(_) => {}
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

    #[test]
    fn whole_machines_are_told_what_changed_and_what_is_gone() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("d/in")).unwrap();
        for file in ["d/kept", "d/in/deep", "one"] {
            fs::write(tree.path().join(file), "").unwrap();
        }
        let repository = Repository::open(tree.path(), RepositoryOptions::default()).unwrap();
        let entry = |repository_path: &str, machine_path: &str| CopiedEntry {
            repository_path: repository_path.to_owned(),
            machine_path: machine_path.to_owned(),
        };
        let shown = [
            CopiedFiles { entries: vec![entry("d", "/app")] },
            CopiedFiles { entries: vec![entry("one", "/app/kept"), entry("late", "/late")] },
        ];
        assert_eq!(
            changed_since(&repository, &shown, 0).entries,
            [entry("d/in/deep", "/app/in/deep"), entry("one", "/app/kept")]
        );
        assert_eq!(changed_since(&repository, &shown, i64::MAX).entries, []);
        let had = ["d/kept", "d/lost", "dx/lost"].map(|path| TrackedPath::new(path.as_bytes()));
        assert_eq!(gone(&repository, &shown, &had), ["/app/lost", "/late"]);
    }
}
