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

/// See the module. `had` is what steps found in the repository when they looked, in order.
pub(super) fn resync(
    layout: &StoreLayout,
    repository: &Repository,
    layers: &[Layer],
    since_nanoseconds: i64,
    had: &[TrackedPath],
) -> Resync {
    let copied = layers.iter().filter_map(|layer| match layer {
        Layer::Copied(files) => Some(files),
        Layer::Frozen(_) => None,
    });
    let mut walk = Walk::new(repository, copied, since_nanoseconds);
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
    // The rest are results of steps.
    walk.gone.retain(|entry| {
        had.binary_search(&TrackedPath::new(entry.repository_path.as_bytes())).is_ok()
    });
    walk.finish()
}

/// What the repository has changed since a moment of all that these show, oldest first, and what it had and has no more: their
/// own sources, and of what is below those whatever it `had`.
pub(crate) fn changed_since(
    repository: &Repository,
    shown: &[CopiedFiles],
    since_nanoseconds: i64,
    had: &[TrackedPath],
) -> Resync {
    let mut walk = Walk::new(repository, shown, since_nanoseconds);
    let entries = || shown.iter().flat_map(|files| &files.entries);
    entries().for_each(|entry| walk.changed(entry));
    let is_gone =
        |path: &&TrackedPath| matches!(repository.standing(path, i64::MAX), Ok(Standing::Absent));
    let sources: Vec<TrackedPath> =
        entries().map(|entry| TrackedPath::new(entry.repository_path.as_bytes())).collect();
    let gone: BTreeSet<&TrackedPath> = sources.iter().chain(had).filter(is_gone).collect();
    let gone: Vec<&str> =
        gone.into_iter().filter_map(|path| str::from_utf8(path.as_bytes()).ok()).collect();
    for entry in entries() {
        let places = gone.iter().filter_map(|path| {
            let machine_path = carried_over(path, &entry.repository_path, &entry.machine_path)?;
            Some(CopiedEntry { repository_path: (*path).to_owned(), machine_path })
        });
        walk.gone.extend(places);
    }
    walk.finish()
}

/// Where a path is that is `from` or below it, when `from` becomes `to`.
fn carried_over(path: &str, from: &str, to: &str) -> Option<String> {
    let rest = match from.trim_end_matches('/') {
        "" => path.trim_start_matches('/'),
        from => match path.strip_prefix(from)? {
            "" => "",
            below => below.strip_prefix('/')?,
        },
    };
    Some(if rest.is_empty() { to.to_owned() } else { join(to, rest) })
}

struct Walk<'run> {
    repository: &'run Repository,
    since_nanoseconds: i64,
    /// All that COPY shows, oldest first.
    entries: Vec<&'run CopiedEntry>,
    /// Machine path to repository path.
    changed: BTreeMap<String, String>,
    gone: Vec<CopiedEntry>,
}

impl<'run> Walk<'run> {
    fn new(
        repository: &'run Repository,
        shown: impl IntoIterator<Item = &'run CopiedFiles>,
        since_nanoseconds: i64,
    ) -> Self {
        let entries = shown.into_iter().flat_map(|files| &files.entries).collect();
        Self { repository, since_nanoseconds, entries, changed: BTreeMap::new(), gone: Vec::new() }
    }

    /// Of several COPY that have something at one place the last one is seen.
    fn finish(mut self) -> Resync {
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        for entry in std::mem::take(&mut self.gone) {
            match self.seen_at(&entry.machine_path) {
                None => gone.push(entry),
                // What an earlier COPY shows there comes to light.
                Some(seen) => changed.push(seen),
            }
        }
        for (machine_path, repository_path) in std::mem::take(&mut self.changed) {
            let entry = CopiedEntry { repository_path, machine_path };
            if self.seen_at(&entry.machine_path).as_ref() == Some(&entry) {
                changed.push(entry);
            }
        }
        changed.sort_unstable_by(|one, other| one.machine_path.cmp(&other.machine_path));
        changed.dedup();
        Resync { changed: CopiedFiles { entries: changed }, gone }
    }

    /// What of the repository is seen at a place in the machine today, if no step has written there.
    fn seen_at(&self, machine_path: &str) -> Option<CopiedEntry> {
        self.entries.iter().rev().find_map(|entry| {
            let repository_path =
                carried_over(machine_path, &entry.machine_path, &entry.repository_path)?;
            let path = TrackedPath::new(repository_path.as_bytes());
            let is_there = match self.repository.standing(&path, i64::MAX).ok()? {
                Standing::Absent => false,
                Standing::Directory | Standing::Changed | Standing::Unchanged => true,
            };
            is_there.then(|| CopiedEntry { repository_path, machine_path: machine_path.to_owned() })
        })
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
            Standing::Changed => self.has_changed(entry),
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
            Ok(Standing::Changed) => self.has_changed(entry),
            Ok(Standing::Unchanged | Standing::Absent) | Err(_) => {}
        }
    }

    fn has_changed(&mut self, entry: &CopiedEntry) {
        self.changed.insert(entry.machine_path.clone(), entry.repository_path.clone());
    }
}

/// The names in a directory of a layer; machine paths are UTF-8, so others can't be shown.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn below(entry: &CopiedEntry, name: &str) -> CopiedEntry {
    CopiedEntry {
        repository_path: join(&entry.repository_path, name),
        machine_path: join(&entry.machine_path, name),
    }
}

/// A repository path or a machine path with something below it.
fn join(path: &str, below: &str) -> String {
    match path.trim_end_matches('/') {
        "" if path.is_empty() => below.to_owned(),
        path => format!("{path}/{below}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::LayerId;
    use crate::tracked::RepositoryOptions;
    use std::os::unix::fs::MetadataExt;

    fn entry(repository_path: &str, machine_path: &str) -> CopiedEntry {
        CopiedEntry {
            repository_path: repository_path.to_owned(),
            machine_path: machine_path.to_owned(),
        }
    }

    fn copied(entries: &[CopiedEntry]) -> CopiedFiles {
        CopiedFiles { entries: entries.to_vec() }
    }

    fn tracked<const N: usize>(paths: [&str; N]) -> Vec<TrackedPath> {
        paths.map(|path| TrackedPath::new(path.as_bytes())).to_vec()
    }

    /// Machine paths: what changed, what is gone.
    fn told(Resync { changed, gone }: Resync) -> (Vec<String>, Vec<String>) {
        let paths = |entries: Vec<CopiedEntry>| -> Vec<String> {
            entries.into_iter().map(|entry| entry.machine_path).collect()
        };
        (paths(changed.entries), paths(gone))
    }

    fn write_all(root: &Path, files: &[&str]) {
        for file in files {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "").unwrap();
        }
    }

    /// A moment between the changes of two files.
    fn between(earlier: &Path, later: &Path) -> i64 {
        let changed = |path: &Path| {
            let facts = fs::metadata(path).unwrap();
            facts.ctime() * 1_000_000_000 + facts.ctime_nsec()
        };
        loop {
            fs::write(later, "later").unwrap();
            if changed(later) > changed(earlier) {
                return changed(earlier);
            }
        }
    }

    #[test]
    fn what_was_written_over_and_changed_is_shown_again() {
        let root = tempfile::tempdir().unwrap();
        let (tree, store) = (root.path().join("tree"), root.path().join("store"));
        let layout = StoreLayout::open(&store).unwrap();
        write_all(&tree, &["same", "changed", "untouched", "d/in", "removed/x"]);
        let layer = layout.layer(&LayerId("l".to_owned()));
        write_all(
            &layer,
            &["app/same", "app/changed", "app/d/in", "app/gone", "app/result/big", "app/removed"],
        );
        let repository = Repository::open(&tree, RepositoryOptions::default()).unwrap();
        let layers =
            [Layer::Copied(copied(&[entry("", "/app")])), Layer::Frozen(LayerId("l".to_owned()))];
        let told =
            |since, had: &[TrackedPath]| told(resync(&layout, &repository, &layers, since, had));
        let gone = vec!["/app/gone".to_owned()];
        let changed =
            ["/app/changed", "/app/d/in", "/app/removed/x", "/app/same"].map(str::to_owned);
        assert_eq!(told(0, &tracked(["gone"])), (changed.to_vec(), gone.clone()));
        assert_eq!(told(i64::MAX, &tracked(["gone"])), (Vec::new(), gone));
        assert_eq!(told(i64::MAX, &[]), (Vec::new(), Vec::new()), "a step's own result");
    }

    #[test]
    fn of_several_copies_the_last_that_has_a_file_counts() {
        let root = tempfile::tempdir().unwrap();
        let (tree, store) = (root.path().join("tree"), root.path().join("store"));
        let layout = StoreLayout::open(&store).unwrap();
        write_all(
            &tree,
            &["late/hidden", "late/also", "early/hidden", "early/light", "early/also"],
        );
        let layer = |name: &str| layout.layer(&LayerId(name.to_owned()));
        let since = between(&tree.join("late/hidden"), &tree.join("early/hidden"));
        between(&tree.join("late/hidden"), &tree.join("late/also"));
        write_all(&layer("below"), &["app/hidden"]);
        write_all(&layer("above"), &["app/light", "app/also"]);
        let frozen = |name: &str| Layer::Frozen(LayerId(name.to_owned()));
        let shown = [copied(&[entry("early", "/app")]), copied(&[entry("late", "/app")])];
        let layers = [
            Layer::Copied(shown[0].clone()),
            frozen("below"),
            Layer::Copied(shown[1].clone()),
            frozen("above"),
        ];
        let repository = Repository::open(&tree, RepositoryOptions::default()).unwrap();
        // The later COPY shows `hidden` as it was, and had `light`, which now the earlier one shows.
        let had = tracked(["late/light"]);
        let expected = [entry("late/also", "/app/also"), entry("early/light", "/app/light")];
        let written = resync(&layout, &repository, &layers, since, &had);
        assert_eq!((&*written.changed.entries, &*written.gone), (&expected[..], &[][..]));
        let told = changed_since(&repository, &shown, since, &had);
        assert_eq!((&*told.changed.entries, &*told.gone), (&expected[..], &[][..]));
    }

    #[test]
    fn whole_machines_are_told_what_changed_and_what_is_gone() {
        let tree = tempfile::tempdir().unwrap();
        write_all(tree.path(), &["d/kept", "d/in/deep", "one"]);
        let repository = Repository::open(tree.path(), RepositoryOptions::default()).unwrap();
        let shown = [
            copied(&[entry("d", "/app")]),
            copied(&[entry("one", "/app/kept"), entry("late", "/late")]),
        ];
        let had = tracked(["d/kept", "d/lost", "dx/lost"]);
        let told = |since| told(changed_since(&repository, &shown, since, &had));
        let gone = ["/app/lost", "/late"].map(str::to_owned).to_vec();
        let changed = ["/app/in/deep", "/app/kept"].map(str::to_owned).to_vec();
        assert_eq!(told(0), (changed, gone.clone()));
        assert_eq!(told(i64::MAX), (Vec::new(), gone));
    }

    #[test]
    fn paths_are_carried_over() {
        for (path, from, to, expected) in [
            ("d/x", "d", "/app", Some("/app/x")),
            ("d", "d", "/app", Some("/app")),
            ("dx", "d", "/app", None),
            ("x", "", "/", Some("/x")),
            ("/x/y", "/", "", Some("x/y")),
            ("/app/x", "/app/", "", Some("x")),
        ] {
            assert_eq!(carried_over(path, from, to).as_deref(), expected, "{path} {from} {to}");
        }
    }
}
