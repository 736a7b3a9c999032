//! Finds every Layerfile of a repository: by its exact name, in every directory that git would not ignore.
//!
//! Only directories and Layerfiles are matched against `.gitignore`, never the other files, which is what makes this
//! several times faster than a general walker. Only `.gitignore` files of the repository itself count, so that the
//! same repository gives the same project on every machine.

use super::{Gravity, LAYERFILE_NAME, Note};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use layerc_compiler::repo_path::RepoPath;
use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    /// The Layerfiles, sorted.
    pub(super) layerfiles: Vec<RepoPath>,
    /// What was left out, and why.
    pub(super) notes: Vec<Note>,
}

/// The `.gitignore` files in force in a directory, the nearest first.
struct Ignored {
    matcher: Gitignore,
    outer: Option<Arc<Ignored>>,
}

/// A directory to look at, and what is ignored around it.
struct Pending {
    directory: PathBuf,
    ignored: Option<Arc<Ignored>>,
}

/// The names of one directory that matter here.
#[derive(Default)]
struct Names {
    directories: Vec<DirEntry>,
    links: Vec<DirEntry>,
    layerfile: Option<DirEntry>,
    /// Files whose name is a Layerfile's but for its case.
    miscased: Vec<DirEntry>,
    has_gitignore: bool,
}

/// All Layerfiles below `root`.
pub(super) fn discover(root: &Path) -> Discovery {
    let mut discovery = Discovery::default();
    let mut pending = vec![Pending { directory: root.to_owned(), ignored: None }];
    while let Some(Pending { directory, ignored }) = pending.pop() {
        let names = match read_names(&directory) {
            Ok(names) => names,
            Err(error) => {
                discovery.note(
                    Gravity::Warning,
                    &format!("cannot look into `{}`: {error}", directory.display()),
                );
                continue;
            }
        };
        let ignored =
            if names.has_gitignore { Some(with_gitignore(&directory, ignored)) } else { ignored };
        discovery.take(root, &names, ignored.as_deref());
        let kept = names
            .directories
            .into_iter()
            .map(|entry| entry.path())
            .filter(|path| !is_ignored(ignored.as_deref(), path, Kind::Directory));
        pending.extend(kept.map(|directory| Pending { directory, ignored: ignored.clone() }));
    }
    discovery.layerfiles.sort_unstable();
    discovery
}

/// The names in `directory`, which is `root` or below it, that git would ignore.
pub(super) fn ignored(root: &Path, directory: &Path) -> BTreeSet<String> {
    let below = directory.strip_prefix(root).unwrap_or(Path::new("")).components();
    let mut matcher = None;
    let mut at = root.to_owned();
    let names = std::iter::once(None).chain(below.map(Some));
    for name in names {
        at.extend(name);
        if at.join(".gitignore").is_file() {
            matcher = Some(with_gitignore(&at, matcher));
        }
    }
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let ignored = entries.filter(|entry| {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let kind = if is_directory { Kind::Directory } else { Kind::File };
        is_ignored(matcher.as_deref(), &entry.path(), kind)
    });
    ignored.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

impl Discovery {
    /// Keeps the Layerfile of a directory, and speaks of links that are not followed.
    fn take(&mut self, root: &Path, names: &Names, ignored: Option<&Ignored>) {
        if let Some(entry) = &names.layerfile {
            self.take_layerfile(root, &entry.path(), ignored);
        }
        for link in &names.links {
            self.note_link(root, &link.path(), ignored);
        }
        for path in names.miscased.iter().map(DirEntry::path) {
            if !is_ignored(ignored, &path, Kind::File) {
                let shown = path.strip_prefix(root).unwrap_or(&path).display();
                let text = format!(
                    "`{shown}` is not looked at: only the exact name `{LAYERFILE_NAME}` counts"
                );
                self.note(Gravity::Warning, &text);
            }
        }
    }

    fn take_layerfile(&mut self, root: &Path, path: &Path, ignored: Option<&Ignored>) {
        if is_ignored(ignored, path, Kind::File) {
            return;
        }
        match path.strip_prefix(root).ok().and_then(Path::to_str).and_then(RepoPath::new) {
            Some(path) => self.layerfiles.push(path),
            None => {
                self.note(
                    Gravity::Error,
                    &format!("the path of `{}` is not UTF-8", path.display()),
                );
            }
        }
    }

    /// A link named Layerfile, or one that leads out of the repository to a directory with a Layerfile.
    fn note_link(&mut self, root: &Path, link: &Path, ignored: Option<&Ignored>) {
        let is_layerfile = link.file_name().is_some_and(|name| name == LAYERFILE_NAME);
        let leads_to_one = || {
            link.join(LAYERFILE_NAME).is_file()
                && fs::canonicalize(link).is_ok_and(|target| !target.starts_with(root))
        };
        if (is_layerfile || leads_to_one()) && !is_ignored(ignored, link, Kind::File) {
            let shown = link.strip_prefix(root).unwrap_or(link).display();
            self.note(Gravity::Warning, &format!("`{shown}` is a symbolic link and not followed"));
        }
    }

    fn note(&mut self, gravity: Gravity, text: &str) {
        self.notes.push(Note { text: text.to_owned(), gravity });
    }
}

fn read_names(directory: &Path) -> std::io::Result<Names> {
    let mut names = Names::default();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        if kind.is_dir() && name != ".git" {
            names.directories.push(entry);
        } else if kind.is_symlink() {
            names.links.push(entry);
        } else if kind.is_file() && name == LAYERFILE_NAME {
            names.layerfile = Some(entry);
        } else if kind.is_file() && name.eq_ignore_ascii_case(LAYERFILE_NAME) {
            names.miscased.push(entry);
        } else if kind.is_file() && name == ".gitignore" {
            names.has_gitignore = true;
        }
    }
    Ok(names)
}

/// Lines of a `.gitignore` that mean nothing are passed over, as git does.
fn with_gitignore(directory: &Path, outer: Option<Arc<Ignored>>) -> Arc<Ignored> {
    let mut builder = GitignoreBuilder::new(directory);
    let _malformed_lines = builder.add(directory.join(".gitignore"));
    let matcher = builder.build().unwrap_or_else(|_| Gitignore::empty());
    Arc::new(Ignored { matcher, outer })
}

/// What a path is, as far as `.gitignore` cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
}

/// The nearest `.gitignore` that says something about the path decides.
fn is_ignored(ignored: Option<&Ignored>, path: &Path, kind: Kind) -> bool {
    let mut level = ignored;
    while let Some(current) = level {
        match current.matcher.matched(path, kind == Kind::Directory) {
            Match::Ignore(_) => return true,
            Match::Whitelist(_) => return false,
            Match::None => level = current.outer.as_deref(),
        }
    }
    false
}
