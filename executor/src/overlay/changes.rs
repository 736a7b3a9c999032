//! Which files differ between two states, seen in their layers without a machine: whiteouts hide, opaque directories
//! hide what is below them, COPY shows files of the repository as they are now.

use super::failure::Doing;
use crate::backend::{BackendError, BaseImage, BaseTree, CopiedEntry, CopiedFiles, Layer};
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Extended attributes that say that a directory hides what is below it: mounted by root, and by others.
const OPAQUE: [&str; 2] = ["trusted.overlay.opaque", "user.overlay.opaque"];

/// A state's files.
#[derive(Debug)]
pub struct Files<'run> {
    /// The image.
    pub base: &'run BaseImage,
    /// What machines show of it, bottom first.
    pub trees: &'run [BaseTree],
    /// Over it, bottom first.
    pub layers: &'run [Layer],
}

/// Where layers and repository files are.
#[derive(Debug, Clone, Copy)]
pub struct Places<'run> {
    /// The backend's directory of frozen layers.
    pub layers: &'run Path,
    /// The root of the repository.
    pub repository: &'run Path,
}

/// A path that is not the same in both states.
#[derive(Debug)]
pub struct FileChange {
    /// Absolute, in the machine.
    pub path: PathBuf,
    /// What was there.
    pub before: Option<Seen>,
    /// What is there.
    pub after: Option<Seen>,
}

/// Something in a state.
#[derive(Debug)]
pub struct Seen {
    /// Where it is kept on this machine.
    pub place: PathBuf,
    /// What `lstat` says of that.
    pub metadata: Metadata,
    role: Role,
}

/// Why something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is kept.
    Kept,
    /// It is a directory that only leads to copied files, with attributes that nobody keeps.
    Passage,
}

/// The paths that differ, sorted. Of a directory that vanished only its name is told.
///
/// # Errors
/// When a layer can't be listed.
pub fn changes(
    before: &Files<'_>,
    after: &Files<'_>,
    places: Places<'_>,
) -> Result<Vec<FileChange>, BackendError> {
    let is_same_base = before.base.identity == after.base.identity;
    let common = if is_same_base {
        before.layers.iter().zip(after.layers).take_while(|(one, other)| one == other).count()
    } else {
        0
    };
    let views = [View::of(before, places), View::of(after, places)];
    let mut paths = BTreeSet::new();
    for (files, view) in [before, after].into_iter().zip(&views) {
        for layer in files.layers.get(common..).unwrap_or_default() {
            match layer {
                Layer::Frozen(id) => {
                    let root = places.layers.join(&id.0);
                    gather(&root, Path::new(""), &views, &mut paths)?;
                }
                Layer::Copied(files) => copied_paths(files, &mut paths),
            }
        }
        debug_assert!(!view.levels.is_empty());
    }
    let [before, after] = views;
    let mut found: Vec<FileChange> = Vec::new();
    for path in paths {
        let is_below = |change: &FileChange| {
            change.after.is_none() && Path::new("/").join(&path).starts_with(&change.path)
        };
        if found.last().is_some_and(is_below) {
            continue;
        }
        let (before, after) = (before.look_up(&path), after.look_up(&path));
        if !is_same(before.as_ref(), after.as_ref()) {
            found.push(FileChange { path: Path::new("/").join(&path), before, after });
        }
    }
    Ok(found)
}

/// One level of a view.
enum Level<'run> {
    Tree(PathBuf),
    /// Appears at a place of its own, over whatever is there.
    Part(&'run BaseTree),
    Copied {
        files: &'run CopiedFiles,
        repository: &'run Path,
    },
}

/// What a level says of a path.
enum Said {
    There(Box<Seen>),
    /// It isn't there, whatever is below.
    Hidden,
    /// Ask below.
    Nothing,
}

struct View<'run> {
    /// Top first.
    levels: Vec<Level<'run>>,
}

impl<'run> View<'run> {
    fn of(files: &Files<'run>, places: Places<'run>) -> Self {
        let over = files.layers.iter().rev().map(|layer| match layer {
            Layer::Frozen(id) => Level::Tree(places.layers.join(&id.0)),
            Layer::Copied(files) => Level::Copied { files, repository: places.repository },
        });
        let base = files.trees.iter().rev().map(|tree| {
            let is_root = tree.at.as_os_str().is_empty();
            if is_root { Level::Tree(tree.directory.clone()) } else { Level::Part(tree) }
        });
        Self { levels: over.chain(base).collect() }
    }

    fn look_up(&self, path: &Path) -> Option<Seen> {
        for level in &self.levels {
            match level.say(path) {
                Said::There(seen) => return Some(*seen),
                Said::Hidden => return None,
                Said::Nothing => {}
            }
        }
        None
    }
}

impl Level<'_> {
    fn say(&self, path: &Path) -> Said {
        match self {
            Self::Tree(root) => say_of_tree(root, path),
            Self::Part(part) => say_of_part(part, path),
            Self::Copied { files, repository } => {
                let machine_path = Path::new("/").join(path);
                let place = files.entries.iter().rev().find_map(|entry| {
                    let rest = machine_path.strip_prefix(&entry.machine_path).ok()?;
                    let place = repository.join(&entry.repository_path);
                    Some(if rest.as_os_str().is_empty() { place } else { place.join(rest) })
                });
                if let Some(seen) = place.and_then(|place| Seen::at(place).ok()) {
                    return Said::There(Box::new(seen));
                }
                let leads =
                    |entry: &CopiedEntry| Path::new(&entry.machine_path).starts_with(&machine_path);
                match Seen::at(repository.to_path_buf()) {
                    Ok(seen) if files.entries.iter().any(leads) => {
                        Said::There(Box::new(Seen { role: Role::Passage, ..seen }))
                    }
                    Ok(_) | Err(_) => Said::Nothing,
                }
            }
        }
    }
}

/// What is mounted hides whatever the levels below have there.
fn say_of_part(part: &BaseTree, path: &Path) -> Said {
    let Some(place) = part.place(path) else { return Said::Nothing };
    match Seen::at(place) {
        Ok(seen) => Said::There(Box::new(seen)),
        Err(_) => Said::Hidden,
    }
}

fn say_of_tree(root: &Path, path: &Path) -> Said {
    let mut place = root.to_owned();
    let mut is_hiding = false;
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        place.push(component);
        let Ok(seen) = Seen::at(place.clone()) else {
            return if is_hiding { Said::Hidden } else { Said::Nothing };
        };
        if is_whiteout(&seen.metadata) {
            return Said::Hidden;
        }
        if components.peek().is_none() {
            return Said::There(Box::new(seen));
        }
        if !seen.metadata.is_dir() {
            return Said::Hidden;
        }
        is_hiding |= is_opaque(&place);
    }
    Said::Nothing
}

impl Seen {
    fn at(place: PathBuf) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(&place)?;
        Ok(Self { place, metadata, role: Role::Kept })
    }
}

/// The paths that a frozen layer says something about.
fn gather(
    root: &Path,
    below: &Path,
    views: &[View<'_>],
    paths: &mut BTreeSet<PathBuf>,
) -> Result<(), BackendError> {
    let directory = if below.as_os_str().is_empty() { root.to_owned() } else { root.join(below) };
    if !below.as_os_str().is_empty() && is_opaque(&directory) {
        for level in views.iter().flat_map(|view| &view.levels) {
            let place = match level {
                Level::Tree(tree) => Some(tree.join(below)),
                Level::Part(part) => part.place(below),
                Level::Copied { .. } => None,
            };
            let names = place.and_then(|place| fs::read_dir(place).ok()).into_iter().flatten();
            paths.extend(names.flatten().map(|entry| below.join(entry.file_name())));
        }
    }
    let entries = fs::read_dir(&directory).doing(|| format!("list {}", directory.display()))?;
    for entry in entries.flatten() {
        let path = below.join(entry.file_name());
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        paths.insert(path.clone());
        if is_directory {
            gather(root, &path, views, paths)?;
        }
    }
    Ok(())
}

/// What a COPY shows is told by its places, not file by file: they may be many, and are the repository's.
fn copied_paths(files: &CopiedFiles, paths: &mut BTreeSet<PathBuf>) {
    for entry in &files.entries {
        let relative = entry.machine_path.trim_start_matches('/');
        if !relative.is_empty() {
            paths.insert(PathBuf::from(relative));
        }
    }
}

fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

fn is_opaque(directory: &Path) -> bool {
    OPAQUE.iter().any(|name| {
        let mut value = [0; 1];
        let length = rustix::fs::lgetxattr(directory, *name, &mut value[..]);
        length.is_ok_and(|length| length == 1) && value == *b"y"
    })
}

/// Whether two things can't be told apart from inside a machine, times left out.
fn is_same(before: Option<&Seen>, after: Option<&Seen>) -> bool {
    let (before, after) = match (before, after) {
        (None, None) => return true,
        (Some(before), Some(after)) => (before, after),
        (Some(_), None) | (None, Some(_)) => return false,
    };
    if [before.role, after.role].contains(&Role::Passage) {
        return before.metadata.is_dir() && after.metadata.is_dir();
    }
    let facts = |seen: &Seen| (seen.metadata.mode(), seen.metadata.uid(), seen.metadata.gid());
    if facts(before) != facts(after) {
        return false;
    }
    let kind = before.metadata.file_type();
    if before.place == after.place || kind.is_dir() {
        true
    } else if kind.is_file() {
        before.metadata.len() == after.metadata.len()
            && has_same_bytes(&before.place, &after.place).unwrap_or(false)
    } else if kind.is_symlink() {
        fs::read_link(&before.place).ok() == fs::read_link(&after.place).ok()
    } else {
        before.metadata.rdev() == after.metadata.rdev()
    }
}

fn has_same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (fs::File::open(one)?, fs::File::open(other)?);
    let (mut first, mut second) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = one.read(&mut first)?;
        let (Some(first), Some(second)) = (first.get(..count), second.get_mut(..count)) else {
            return Ok(false);
        };
        if count == 0 {
            return Ok(other.read(&mut [0])? == 0);
        }
        if other.read_exact(second).is_err() || first != second {
            return Ok(false);
        }
    }
}
