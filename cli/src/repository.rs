//! The repository on disk: where it begins, which Layerfiles are in it, what else is there.
//!
//! Turns paths of this machine into paths of the repository and never the other way round for anything that leaves
//! the process. Knows nothing of what a Layerfile says.

mod disk;
mod walk;

use crate::exit::WrongUsage;
use crate::terminal;
use anyhow::{Context, Result};
pub(crate) use disk::{DiskSources, read_kind, read_list};
use layerc_compiler::limits::MAX_FILE_BYTES;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The name of the configuration file; where it is, a repository begins.
pub(crate) const CONFIGURATION_NAME: &str = "layerc.toml";

/// The only file name that makes a Layerfile.
pub(crate) const LAYERFILE_NAME: &str = "Layerfile";

/// Something about the repository that the user should hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// A sentence, the path in it.
    pub(crate) text: String,
    /// Whether it makes the result wrong or only perhaps surprising.
    pub(crate) gravity: Gravity,
}

/// How much a [`Note`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gravity {
    /// Perhaps surprising.
    Warning,
    /// A Layerfile could not be read.
    Error,
}

/// A repository and the Layerfiles found in it.
#[derive(Debug)]
pub(crate) struct Repository {
    /// Its root, absolute.
    pub(crate) root: PathBuf,
    /// What the user pointed at, in it: directories or Layerfiles, at least one.
    pub(crate) scopes: Vec<RepoPath>,
    /// The Layerfiles, sorted by path.
    pub(crate) files: Vec<SourceFile>,
    /// What else the user should hear, sorted.
    pub(crate) notes: Vec<Note>,
}

impl Repository {
    /// The repository that holds `paths`, which must be in one, or the current directory's if there are none.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self> {
        let current = [PathBuf::from(".")];
        let paths = if paths.is_empty() { &current } else { paths };
        let mut located = paths.iter().map(|path| locate(path));
        let Some(first) = located.next().transpose()? else { anyhow::bail!("no path") };
        let mut scopes = vec![first.scope];
        for other in located {
            let other = other?;
            if other.root != first.root {
                let roots = format!("`{}` and `{}`", first.root.display(), other.root.display());
                return Err(WrongUsage(format!(
                    "the paths are in two repositories: {roots}; give one at a time"
                ))
                .into());
            }
            scopes.push(other.scope);
        }
        Ok(Self::read(first.root, scopes))
    }

    /// The root of the repository that holds `path`.
    pub(crate) fn root_of(path: &Path) -> Result<PathBuf> {
        Ok(locate(path)?.root)
    }

    /// The Layerfiles of the repository at `root`, sorted; those that can't be reached are left out.
    pub(crate) fn layerfiles(root: &Path) -> Vec<RepoPath> {
        walk::discover(root).layerfiles
    }

    /// The names in `directory` of the repository at `root` that git would ignore.
    pub(crate) fn ignored(root: &Path, directory: &Path) -> BTreeSet<String> {
        walk::ignored(root, directory)
    }

    fn read(root: PathBuf, scopes: Vec<RepoPath>) -> Self {
        let discovery = walk::discover(&root);
        let mut notes = discovery.notes;
        let mut files = Vec::with_capacity(discovery.layerfiles.len());
        for path in discovery.layerfiles {
            match read_text(&root.join(path.as_str())) {
                Ok(text) => files.push(SourceFile { path, text }),
                Err(reason) => {
                    notes.push(Note { text: format!("{path}: {reason}"), gravity: Gravity::Error });
                }
            }
        }
        notes.sort_by(|left, right| left.text.cmp(&right.text));
        Self { root, scopes, files, notes }
    }

    /// What else is in the repository.
    pub(crate) fn sources(&self) -> DiskSources {
        DiskSources::new(self.root.clone())
    }

    /// Says what of the repository could not be looked at; returns how much it matters.
    pub(crate) fn report_notes(&self) -> Gravity {
        for note in &self.notes {
            match note.gravity {
                Gravity::Warning => terminal::warn(&note.text),
                Gravity::Error => terminal::complain(&note.text),
            }
        }
        self.notes.iter().map(|note| note.gravity).max().unwrap_or(Gravity::Warning)
    }

    /// Whether the user pointed at this file, or at a directory above it.
    pub(crate) fn is_in_scope(&self, path: &RepoPath) -> bool {
        self.scopes.iter().any(|scope| path.is_at_or_below(scope))
    }

    /// Whether the user pointed at less than the whole repository.
    pub(crate) fn is_narrowed(&self) -> bool {
        !self.scopes.iter().any(RepoPath::is_root)
    }

    /// A path of the repository as the user would type it from the current directory.
    pub(crate) fn shown(&self, path: &RepoPath) -> String {
        let absolute = self.root.join(path.as_str());
        let current = std::env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
        let relative = from_directory(&current, &absolute)
            .filter(|path| path.as_os_str().len() < absolute.as_os_str().len());
        relative.unwrap_or(absolute).display().to_string()
    }
}

/// `path` as seen from `directory`, climbing at most to where the two part; `None` if they share only `/`.
fn from_directory(directory: &Path, path: &Path) -> Option<PathBuf> {
    let shared = directory
        .components()
        .zip(path.components())
        .take_while(|(left, right)| left == right)
        .count();
    if shared < 2 {
        return None;
    }
    let up = directory.components().skip(shared).map(|_| "..");
    let relative: PathBuf = up
        .map(PathBuf::from)
        .chain(path.components().skip(shared).map(|c| PathBuf::from(c.as_os_str())))
        .collect();
    Some(relative)
}

/// A path the user gave: its repository's root and its place in it.
struct Located {
    root: PathBuf,
    scope: RepoPath,
}

fn locate(path: &Path) -> Result<Located> {
    let absolute = match fs::canonicalize(path) {
        Ok(absolute) => absolute,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(WrongUsage(format!("there is nothing at `{}`", path.display())).into());
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot look at `{}`", path.display()));
        }
    };
    let directory =
        if absolute.is_dir() { absolute.as_path() } else { absolute.parent().unwrap_or(&absolute) };
    let root = root_above(directory).unwrap_or(directory).to_owned();
    let relative = absolute.strip_prefix(&root).ok().and_then(Path::to_str).and_then(RepoPath::new);
    let scope =
        relative.with_context(|| format!("the path `{}` is not UTF-8", absolute.display()))?;
    Ok(Located { root, scope })
}

/// The nearest directory, from `directory` up, that git or the configuration file marks as a root.
pub(crate) fn root_above(directory: &Path) -> Option<&Path> {
    directory.ancestors().find(|ancestor| {
        ancestor.join(".git").exists() || ancestor.join(CONFIGURATION_NAME).is_file()
    })
}

/// The text of a Layerfile. One byte more than allowed is kept of a file that is too long, so that the compiler
/// says so.
pub(crate) fn read_text(path: &Path) -> std::result::Result<String, String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        format!(
            "is not UTF-8: the byte at offset {} begins no character",
            error.utf8_error().valid_up_to()
        )
    })
}
