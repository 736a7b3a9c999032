//! One moment of everything the server knows; what requests work on.
//!
//! Never changes: an edit makes another one. Cloning is cheap, texts and analyses are shared.

use super::document::Document;
use super::position::{PositionEncoding, Positions};
use super::repository::Repository;
use super::settings::Settings;
use super::uri;
use crate::host::Host;
use crate::shell::shellcheck::Checker;
use layerc_compiler::analysis::FileAnalysis;
use layerc_compiler::project::LinkedFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::{FileId, Span};
use ls_types::{Location, Position, Range, Uri};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A document's name in a form that doesn't depend on how it is spelled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A file of this machine.
    Path(PathBuf),
    /// Anything else, as spelled.
    Name(String),
}

impl Key {
    pub(super) fn of(uri: &Uri) -> Self {
        uri::path_of(uri).map_or_else(|| Self::Name(uri.as_str().to_owned()), Self::Path)
    }
}

/// Where an open document belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Placement {
    /// In the repository at this root.
    In {
        /// The repository's root.
        root: PathBuf,
        /// The document's path in it.
        path: RepoPath,
    },
    /// Nowhere: by itself.
    Alone,
}

/// One moment of everything the server knows.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) host: Arc<dyn Host>,
    pub(super) encoding: PositionEncoding,
    pub(super) settings: Arc<Settings>,
    pub(super) shellcheck: Checker,
    pub(super) repositories: BTreeMap<PathBuf, Arc<Repository>>,
    pub(super) alone: BTreeMap<Key, Arc<Repository>>,
    pub(super) open: BTreeMap<Key, Placement>,
}

impl Snapshot {
    /// What characters of positions count.
    pub const fn encoding(&self) -> PositionEncoding {
        self.encoding
    }

    /// The user's choices.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What ShellCheck says.
    pub const fn shellcheck(&self) -> &Checker {
        &self.shellcheck
    }

    /// The machine around the server.
    pub fn host(&self) -> &dyn Host {
        self.host.as_ref()
    }

    /// Every repository, those of single texts last.
    pub fn repositories(&self) -> impl Iterator<Item = &Arc<Repository>> {
        self.repositories.values().chain(self.alone.values())
    }

    /// Every Layerfile of every repository.
    pub fn files(&self) -> impl Iterator<Item = FileView<'_>> {
        self.repositories().flat_map(|repository| self.files_of(repository))
    }

    /// Every Layerfile of a repository of this snapshot.
    pub fn files_of<'s>(
        &'s self,
        repository: &'s Arc<Repository>,
    ) -> impl Iterator<Item = FileView<'s>> {
        repository.documents_with_ids().map(move |(id, document)| FileView {
            snapshot: self,
            repository,
            document,
            id,
        })
    }

    /// The Layerfile of a client's name; `None` if it isn't one of ours.
    pub fn file(&self, uri: &Uri) -> Option<FileView<'_>> {
        let key = Key::of(uri);
        let (repository, id) = match self.open.get(&key) {
            Some(Placement::In { root, path }) => {
                let repository = self.repositories.get(root)?;
                (repository, repository.find(path)?)
            }
            Some(Placement::Alone) => (self.alone.get(&key)?, FileId::new(0)),
            None => {
                let Key::Path(path) = &key else { return None };
                let (repository, path) = self.locate(path)?;
                (repository, repository.find(&path)?)
            }
        };
        Some(FileView { snapshot: self, repository, document: repository.document(id)?, id })
    }

    /// The repository that a path of this machine is in, the innermost one, and the path in it.
    pub fn locate(&self, path: &Path) -> Option<(&Arc<Repository>, RepoPath)> {
        let containing = self.repositories.iter().filter(|(root, _)| path.starts_with(root));
        let (root, repository) = containing.max_by_key(|(root, _)| root.components().count())?;
        Some((repository, relative(root, path)?))
    }
}

/// `path` as seen from the repository at `root`; `None` if it isn't below or not UTF-8.
pub(super) fn relative(root: &Path, path: &Path) -> Option<RepoPath> {
    RepoPath::new(path.strip_prefix(root).ok()?.to_str()?)
}

/// One Layerfile of a snapshot, with everything around it: what features work on.
#[derive(Debug, Clone, Copy)]
pub struct FileView<'s> {
    /// The moment.
    pub snapshot: &'s Snapshot,
    /// The repository it is in.
    pub repository: &'s Arc<Repository>,
    /// Itself.
    pub document: &'s Arc<Document>,
    /// Its id in the repository's linked project.
    pub id: FileId,
}

impl<'s> FileView<'s> {
    /// Another file of the same repository.
    pub fn sibling(self, id: FileId) -> Option<Self> {
        Some(Self { document: self.repository.document(id)?, id, ..self })
    }

    /// Itself and the files that it starts from, the nearest first.
    pub fn lineage(self) -> impl Iterator<Item = Self> + use<'s> {
        std::iter::once(self).chain(self.ancestors())
    }

    /// The files that it starts from, the nearest first.
    pub fn ancestors(self) -> impl Iterator<Item = Self> + use<'s> {
        let above = self.repository.graph().ancestors(self.id);
        above.filter_map(move |id| self.sibling(id))
    }

    /// Its text.
    pub fn text(self) -> &'s str {
        self.document.text()
    }

    /// What the compiler makes of it alone.
    pub fn analysis(self) -> &'s FileAnalysis {
        self.document.analysis()
    }

    /// It in the linked project.
    pub fn linked(self) -> Option<&'s LinkedFile> {
        self.repository.linked(self.id)
    }

    /// Its positions.
    pub fn positions(self) -> Positions<'s> {
        self.document.positions(self.snapshot.encoding)
    }

    /// The byte of a position.
    pub fn offset(self, position: Position) -> u32 {
        self.positions().offset(position)
    }

    /// The range of a span.
    pub fn range(self, span: Span) -> Range {
        self.positions().range(span)
    }

    /// The place of a span.
    pub fn location(self, span: Span) -> Location {
        Location { uri: self.document.uri().clone(), range: self.range(span) }
    }

    /// The text of a span; empty if it isn't one of this text.
    pub fn slice(self, span: Span) -> &'s str {
        self.text().get(span.range()).unwrap_or_default()
    }
}
