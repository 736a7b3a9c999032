//! Why a FROM or WAIT names nothing, and what it probably means: one diagnostic for each broken reference.
//!
//! Looks at the list of Layerfiles and at the tree around the reference, never at texts.

use super::resolve::{LAYERFILE, Layerfiles, spell_like};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::directive::Word;
use crate::nearest::nearest;
use crate::repo_path::RepoPath;
use crate::rules::{self, Rule};
use crate::sources::{Entry, EntryKind, Sources};
use crate::span::FileId;
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;

/// Broken references that get a "did you mean" in one linking; the search looks at every Layerfile.
const SUGGESTIONS_LIMIT: u32 = 32;

/// Layerfiles that are all named when none is like the one that is missing.
const LISTED_LIMIT: usize = 6;

/// Which instruction holds a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// FROM with a path.
    From,
    /// FROM with a bare name, which may be meant as an image.
    BareFrom,
    /// WAIT.
    Wait,
}

impl Role {
    const fn keyword(self) -> &'static str {
        match self {
            Self::From | Self::BareFrom => "FROM",
            Self::Wait => "WAIT",
        }
    }

    /// Whether the only near Layerfile is surely meant: a bare name may be an image's.
    const fn certainty(self) -> Applicability {
        match self {
            Self::From | Self::Wait => Applicability::Safe,
            Self::BareFrom => Applicability::Suggestion,
        }
    }

    const fn rule(self) -> &'static Rule {
        match self {
            Self::From | Self::BareFrom => &rules::FROM_NOT_FOUND,
            Self::Wait => &rules::WAIT_NOT_FOUND,
        }
    }
}

/// A reference that names no Layerfile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken<'a> {
    /// The file that holds it.
    pub(crate) file: FileId,
    /// The directory of that file.
    pub(crate) directory: &'a RepoPath,
    /// The word.
    pub(crate) word: &'a Word,
    /// Its instruction.
    pub(crate) role: Role,
}

/// Explains broken references of one repository.
pub(crate) struct Explainer<'a> {
    layerfiles: &'a Layerfiles<'a>,
    sources: &'a dyn Sources,
    suggestions_left: Cell<u32>,
    lower_case: OnceCell<HashMap<String, FileId>>,
    directories: OnceCell<Vec<(FileId, RepoPath)>>,
}

impl<'a> Explainer<'a> {
    pub(crate) fn new(layerfiles: &'a Layerfiles<'a>, sources: &'a dyn Sources) -> Self {
        let suggestions_left = Cell::new(SUGGESTIONS_LIMIT);
        Self {
            layerfiles,
            sources,
            suggestions_left,
            lower_case: OnceCell::new(),
            directories: OnceCell::new(),
        }
    }

    /// The diagnostic of a broken reference; `None` if the tree isn't known well enough to tell.
    pub(crate) fn explain(&self, broken: Broken<'_>) -> Option<Diagnostic> {
        let text = &broken.word.value;
        let Some(path) = RepoPath::resolve(broken.directory, &text.replace('\\', "/")) else {
            return Some(self.outside(broken));
        };
        self.sources.kind(&RepoPath::root())?;
        if let Some(link) = self.link_above(&path) {
            return Some(symlinked(broken, &link));
        }
        match self.sources.kind(&path) {
            Some(EntryKind::File) => Some(self.wrong_file(broken, &path)),
            Some(EntryKind::Directory) => Some(self.directory_without_layerfile(broken, &path)),
            Some(EntryKind::Symlink) => Some(symlinked(broken, &path)),
            None => Some(self.absent(broken, &path)),
        }
    }

    fn outside(&self, broken: Broken<'_>) -> Diagnostic {
        let depth = broken.directory.components().count();
        report(broken, &rules::REFERENCE_OUTSIDE, format!("`{}` leaves the repository", broken.word.value)).with_help(
            format!("paths start in the directory of this file, which is {depth} deep; `/…` starts at the root"),
        )
    }

    /// The first symbolic link on the way to `path`, itself left out.
    fn link_above(&self, path: &RepoPath) -> Option<RepoPath> {
        let mut above: Vec<RepoPath> =
            std::iter::successors(path.parent(), RepoPath::parent).collect();
        above.reverse();
        above.into_iter().find(|directory| self.sources.kind(directory) == Some(EntryKind::Symlink))
    }

    /// `path` is a regular file that isn't one of the Layerfiles.
    fn wrong_file(&self, broken: Broken<'_>, path: &RepoPath) -> Diagnostic {
        let name = path.file_name().unwrap_or_default();
        if name == LAYERFILE {
            return excluded(broken, path);
        }
        if looks_like_layerfile(name) {
            return not_discovered(broken, path);
        }
        let message = format!(
            "`{path}` isn't a Layerfile: {} names one, or its directory",
            broken.role.keyword()
        );
        let sibling = path.parent().and_then(|directory| self.layerfiles.named_by(&directory));
        let diagnostic = report(broken, &rules::NOT_A_LAYERFILE, message);
        match sibling.filter(|file| *file != broken.file) {
            Some(file) => self.offer(diagnostic, broken, file, Applicability::Suggestion),
            None => diagnostic.with_help("a Layerfile is a file named exactly `Layerfile`"),
        }
    }

    fn directory_without_layerfile(&self, broken: Broken<'_>, path: &RepoPath) -> Diagnostic {
        let entries = self.sources.list(path);
        let exact = entries.iter().find(|entry| entry.name == LAYERFILE);
        let inside = |entry: &Entry| path.join(&entry.name).unwrap_or_else(|| path.clone());
        match exact {
            Some(entry) if entry.kind == EntryKind::Symlink => {
                return symlinked(broken, &inside(entry));
            }
            Some(entry) if entry.kind == EntryKind::File => {
                return excluded(broken, &inside(entry));
            }
            _ => {}
        }
        let alike =
            |entry: &&Entry| entry.kind == EntryKind::File && looks_like_layerfile(&entry.name);
        if let Some(entry) = entries.iter().find(alike) {
            return not_discovered(broken, &inside(entry));
        }
        let message = format!("directory `{path}` holds no `Layerfile`");
        self.with_suggestion(report(broken, broken.role.rule(), message), broken, path)
    }

    /// Nothing is at `path`.
    fn absent(&self, broken: Broken<'_>, path: &RepoPath) -> Diagnostic {
        if let Some(file) = self.by_other_case(path).filter(|file| *file != broken.file) {
            let target = self.layerfiles.path(file).unwrap_or(path);
            let message =
                format!("`{}` is written `{target}` in this repository", broken.word.value);
            return self.offer(
                report(broken, &rules::REFERENCE_CASE, message),
                broken,
                file,
                Applicability::Safe,
            );
        }
        if let Some(sibling) = self.alike_beside(path) {
            return not_discovered(broken, &sibling);
        }
        let message = match broken.role {
            Role::From | Role::Wait if path.file_name() == Some(LAYERFILE) => {
                format!("there is no `{path}` in the repository")
            }
            Role::From | Role::Wait => {
                format!("there is no `{path}/{LAYERFILE}` in the repository")
            }
            Role::BareFrom => {
                format!(
                    "`{}` is neither a directory with a Layerfile nor an image with a tag",
                    broken.word.value
                )
            }
        };
        let diagnostic = report(broken, broken.role.rule(), message);
        let diagnostic = self.with_suggestion(diagnostic, broken, path);
        if broken.role == Role::BareFrom
            && diagnostic.help.is_none()
            && broken.word.value.contains('\\')
        {
            return diagnostic.with_help("paths are written with `/`");
        }
        if broken.role == Role::BareFrom && diagnostic.help.is_none() {
            let help = format!("an image is written with its tag: `{}:…`", broken.word.value);
            return diagnostic.with_help(help);
        }
        diagnostic
    }

    /// `path` ends in some spelling of `Layerfile`, and a file called nearly like this is in its directory.
    fn alike_beside(&self, path: &RepoPath) -> Option<RepoPath> {
        path.file_name().filter(|name| looks_like_layerfile(name))?;
        let directory = path.parent()?;
        let entries = self.sources.list(&directory);
        let alike = entries
            .iter()
            .find(|entry| entry.kind == EntryKind::File && looks_like_layerfile(&entry.name))?;
        directory.join(&alike.name)
    }

    /// The Layerfile that `path` names when case doesn't count.
    fn by_other_case(&self, path: &RepoPath) -> Option<FileId> {
        let index = self.lower_case.get_or_init(|| {
            let named = |(file, path): (FileId, &RepoPath)| {
                let directory = path.parent().unwrap_or_else(RepoPath::root);
                [(path.as_str().to_lowercase(), file), (directory.as_str().to_lowercase(), file)]
            };
            self.layerfiles.iter().flat_map(named).collect()
        });
        index.get(&path.as_str().to_lowercase()).copied()
    }

    /// Adds the Layerfile that was probably meant.
    fn with_suggestion(
        &self,
        diagnostic: Diagnostic,
        broken: Broken<'_>,
        path: &RepoPath,
    ) -> Diagnostic {
        let Some(left) = self.suggestions_left.get().checked_sub(1) else { return diagnostic };
        self.suggestions_left.set(left);
        if let Some(file) = self.cut_short(path).filter(|file| *file != broken.file) {
            return self.offer(diagnostic, broken, file, broken.role.certainty());
        }
        let directories = self.directories(broken.file);
        let wanted = wanted_directory(path);
        let same_name = |(_, directory): &(FileId, &RepoPath)| {
            !wanted.is_root() && directory.file_name() == wanted.file_name()
        };
        let mut same_names = directories.clone().filter(same_name);
        if let (Some((file, _)), None) = (same_names.next(), same_names.next()) {
            return self.offer(diagnostic, broken, file, broken.role.certainty());
        }
        let near =
            nearest(wanted.as_str(), directories.clone().map(|(_, directory)| directory.as_str()));
        let file_of = |text: &str| {
            directories
                .clone()
                .find(|(_, directory)| directory.as_str() == text)
                .map(|(file, _)| file)
        };
        if let Some(file) = near.unique().and_then(file_of) {
            return self.offer(diagnostic, broken, file, broken.role.certainty());
        }
        let files: Vec<FileId> =
            near.words().iter().filter_map(|text| file_of(text)).take(3).collect();
        if files.is_empty() {
            return self.with_list(diagnostic, broken);
        }
        files.into_iter().fold(diagnostic, |diagnostic, file| {
            self.offer(diagnostic, broken, file, Applicability::Suggestion)
        })
    }

    /// Names the Layerfiles there are, if they are few.
    fn with_list(&self, diagnostic: Diagnostic, broken: Broken<'_>) -> Diagnostic {
        let others: Vec<FileId> =
            self.directories(broken.file).map(|(file, _)| file).take(LISTED_LIMIT + 1).collect();
        if others.is_empty() || others.len() > LISTED_LIMIT || broken.role == Role::BareFrom {
            return diagnostic;
        }
        let targets = others.iter().filter_map(|file| self.layerfiles.path(*file));
        let spelled =
            targets.map(|target| spell_like(&broken.word.value, broken.directory, target));
        let names: Vec<String> = spelled.map(|name| format!("`{name}`")).collect();
        diagnostic.with_help(format!("the other Layerfiles are {}", names.join(", ")))
    }

    /// The Layerfile beside `path` if its last component is the beginning of that name: `/Layer`.
    fn cut_short(&self, path: &RepoPath) -> Option<FileId> {
        let name = path.file_name()?.to_lowercase();
        let begins = name.len() > 2 && LAYERFILE.to_lowercase().starts_with(&name);
        self.layerfiles.named_by(&path.parent().filter(|_| begins)?)
    }

    /// The directories of all Layerfiles but `own`.
    fn directories(&self, own: FileId) -> impl Iterator<Item = (FileId, &RepoPath)> + Clone {
        let all = self.directories.get_or_init(|| {
            let directory = |path: &RepoPath| path.parent().unwrap_or_else(RepoPath::root);
            self.layerfiles.iter().map(|(file, path)| (file, directory(path))).collect()
        });
        let others = all.iter().filter(move |(file, _)| *file != own);
        others.map(|(file, directory)| (*file, directory))
    }

    /// Offers to name `file` instead.
    fn offer(
        &self,
        diagnostic: Diagnostic,
        broken: Broken<'_>,
        file: FileId,
        applicability: Applicability,
    ) -> Diagnostic {
        let Some(target) = self.layerfiles.path(file) else { return diagnostic };
        let text = spell_like(&broken.word.value, broken.directory, target);
        let question = match &diagnostic.help {
            Some(before) => format!("{} or `{text}`?", before.trim_end_matches('?')),
            None => format!("did you mean `{text}`?"),
        };
        diagnostic.with_help(question).with_fix(
            format!("write `{text}`"),
            applicability,
            broken.word.span,
            text,
        )
    }
}

/// The directory that a path means: without a trailing spelling of `Layerfile`.
fn wanted_directory(path: &RepoPath) -> RepoPath {
    match path.file_name() {
        Some(name) if looks_like_layerfile(name) => path.parent().unwrap_or_else(RepoPath::root),
        _ => path.clone(),
    }
}

/// Whether a person would take a file of this name for a Layerfile.
fn looks_like_layerfile(name: &str) -> bool {
    let lower = name.to_lowercase();
    let rest = lower.strip_prefix("layerfile");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
        || lower.ends_with(".layerfile")
}

fn report(broken: Broken<'_>, rule: &Rule, message: String) -> Diagnostic {
    rule.at(broken.file, broken.word.span, message)
}

fn symlinked(broken: Broken<'_>, link: &RepoPath) -> Diagnostic {
    report(
        broken,
        &rules::SYMLINKED_LAYERFILE,
        format!("`{link}` is a symbolic link, which isn't followed"),
    )
    .with_help("name the real file, or replace the link by a copy")
}

fn excluded(broken: Broken<'_>, path: &RepoPath) -> Diagnostic {
    report(broken, broken.role.rule(), format!("`{path}` exists but isn't part of this project"))
        .with_help("files that git ignores aren't discovered; remove it from `.gitignore`")
}

fn not_discovered(broken: Broken<'_>, path: &RepoPath) -> Diagnostic {
    let message = format!("`{path}` isn't discovered: a Layerfile is named exactly `{LAYERFILE}`");
    let renamed = path.parent().and_then(|directory| directory.join(LAYERFILE));
    let renamed = renamed.map_or(LAYERFILE.to_owned(), |path| path.as_str().to_owned());
    report(broken, &rules::NOT_DISCOVERED, message)
        .with_help(format!("rename it: `git mv {path} {renamed}`"))
}
