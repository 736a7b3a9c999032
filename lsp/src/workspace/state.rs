//! The one thing that changes: takes edits, files and settings in their order and makes snapshots.
//!
//! Knows no messages and no threads; whoever owns it calls it from one place at a time.

use super::document::{Document, Origin};
use super::position::PositionEncoding;
use super::repository::{CONFIGURATION_NAME, LAYERFILE_NAME, Repository};
use super::settings::Settings;
use super::snapshot::{Key, Placement, Snapshot, relative};
use super::uri;
use crate::host::Host;
use crate::shell::shellcheck::Checker;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::EntryKind;
use ls_types::{TextDocumentContentChangeEvent, Uri};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything the server knows now.
#[derive(Debug)]
pub struct State {
    current: Snapshot,
    folders: BTreeSet<PathBuf>,
}

impl State {
    /// Nothing known yet.
    pub fn new(host: Arc<dyn Host>) -> Self {
        let current = Snapshot {
            shellcheck: Checker::new(Arc::clone(&host)),
            host,
            encoding: PositionEncoding::default(),
            settings: Arc::default(),
            repositories: BTreeMap::new(),
            alone: BTreeMap::new(),
            open: BTreeMap::new(),
        };
        Self { current, folders: BTreeSet::new() }
    }

    /// The present moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(self.current.clone())
    }

    /// Settles what characters of positions count.
    pub fn agree_on(&mut self, encoding: PositionEncoding) {
        self.current.encoding = encoding;
    }

    /// The user's choices are these now.
    pub fn configure(&mut self, mut settings: Settings) {
        settings.shown_copies.clone_from(&self.current.settings.shown_copies);
        if *self.current.settings == settings {
            return;
        }
        let repositories = self.current.repositories.values_mut();
        for repository in repositories.chain(self.current.alone.values_mut()) {
            *repository = Arc::new(repository.configured(&settings));
        }
        self.current.settings = Arc::new(settings);
    }

    /// The values of this copy of a document's SPLIT are shown from now on; none if `copy` is `None`.
    pub fn show_copy(&mut self, uri: &Uri, copy: Option<u32>) {
        let mut settings = (*self.current.settings).clone();
        match copy {
            Some(copy) => settings.shown_copies.insert(uri.as_str().to_owned(), copy),
            None => settings.shown_copies.remove(uri.as_str()),
        };
        self.current.settings = Arc::new(settings);
    }

    /// Adds a folder of the workspace and reads the repository around it.
    pub fn add_folder(&mut self, folder: &Path) {
        if self.folders.insert(folder.to_owned()) {
            let root = self.current.host.repository_root(folder);
            self.load(root.unwrap_or_else(|| folder.to_owned()));
        }
    }

    /// Forgets a folder of the workspace.
    pub fn remove_folder(&mut self, folder: &Path) {
        self.folders.remove(folder);
        self.forget_unused();
    }

    /// The directories of all repositories, for watching.
    pub fn roots(&self) -> impl Iterator<Item = &Path> {
        self.current.repositories.keys().map(PathBuf::as_path)
    }

    /// The client opened a document; from now on its text counts, not the disk's.
    pub fn open(&mut self, uri: Uri, version: i32, text: String) {
        let key = Key::of(&uri);
        let placement = self.placement(&key);
        let origin = Origin::Open { version };
        let settings = Arc::clone(&self.current.settings);
        match &placement {
            Placement::In { root, path } => {
                self.load(root.clone());
                let document = Arc::new(Document::new(uri, origin, path.clone(), text));
                if let Some(repository) = self.current.repositories.get_mut(root) {
                    *repository = Arc::new(repository.with(document, &settings));
                }
            }
            Placement::Alone => {
                let path = RepoPath::new(LAYERFILE_NAME).unwrap_or_else(RepoPath::root);
                let document = Arc::new(Document::new(uri, origin, path, text));
                let repository = Arc::new(Repository::nowhere(document, &settings));
                self.current.alone.insert(key.clone(), repository);
            }
        }
        self.current.open.insert(key, placement);
    }

    /// The client edited a document; changes to one that isn't open mean nothing.
    pub fn change(&mut self, uri: &Uri, version: i32, changes: &[TextDocumentContentChangeEvent]) {
        let Some(view) = self.current.file(uri).filter(|view| view.document.is_open()) else {
            return;
        };
        let edited = Arc::new(view.document.edited(version, changes, self.current.encoding));
        self.put(&Key::of(uri), edited);
    }

    /// Puts a document in the place of the one that is open under `key`.
    fn put(&mut self, key: &Key, document: Arc<Document>) {
        let settings = Arc::clone(&self.current.settings);
        match self.current.open.get(key) {
            Some(Placement::In { root, .. }) => {
                if let Some(repository) = self.current.repositories.get_mut(root) {
                    *repository = Arc::new(repository.with(document, &settings));
                }
            }
            Some(Placement::Alone) => {
                let repository = Arc::new(Repository::nowhere(document, &settings));
                self.current.alone.insert(key.clone(), repository);
            }
            None => {}
        }
    }

    /// The client closed a document; the disk counts again.
    pub fn close(&mut self, uri: &Uri) {
        let key = Key::of(uri);
        match self.current.open.remove(&key) {
            Some(Placement::In { root, path }) => self.refresh(&root, &[path]),
            Some(Placement::Alone) => {
                self.current.alone.remove(&key);
            }
            None => {}
        }
        self.forget_unused();
    }

    /// Something changed on disk at these paths: files or directories, made, changed or gone.
    pub fn disk_changed(&mut self, paths: &[PathBuf]) {
        let roots: Vec<PathBuf> = self.current.repositories.keys().cloned().collect();
        for root in roots {
            let inside: Vec<RepoPath> =
                paths.iter().filter_map(|path| relative(&root, path)).collect();
            if !inside.is_empty() {
                self.refresh(&root, &inside);
            }
        }
    }

    /// Where a document belongs: in the repository around it, or in the workspace folder around it, or nowhere.
    fn placement(&self, key: &Key) -> Placement {
        let Key::Path(path) = key else { return Placement::Alone };
        let is_layerfile = path.file_name().is_some_and(|name| name == LAYERFILE_NAME);
        let folder = || self.folders.iter().rev().find(|folder| path.starts_with(folder)).cloned();
        let root = self.current.host.repository_root(path).or_else(folder);
        let placed = root.filter(|_| is_layerfile).and_then(|root| {
            let path = relative(&root, path)?;
            Some(Placement::In { root, path })
        });
        placed.unwrap_or(Placement::Alone)
    }

    fn load(&mut self, root: PathBuf) {
        if !self.current.repositories.contains_key(&root) {
            let loaded = Repository::load(&self.current.host, root.clone(), &self.current.settings);
            self.current.repositories.insert(root, Arc::new(loaded));
        }
    }

    /// Drops repositories that neither a folder nor an open document needs.
    fn forget_unused(&mut self) {
        let host = &self.current.host;
        let of_folders = self
            .folders
            .iter()
            .map(|folder| host.repository_root(folder).unwrap_or_else(|| folder.clone()));
        let of_documents = self.current.open.values().filter_map(|placement| match placement {
            Placement::In { root, .. } => Some(root.clone()),
            Placement::Alone => None,
        });
        let used: BTreeSet<PathBuf> = of_folders.chain(of_documents).collect();
        self.current.repositories.retain(|root, _| used.contains(root));
    }

    /// Reads what may have changed at these paths of the repository at `root`.
    fn refresh(&mut self, root: &Path, changed: &[RepoPath]) {
        let Some(repository) = self.current.repositories.get(root) else { return };
        let host = Arc::clone(&self.current.host);
        let rereads = |path: &RepoPath| changed.iter().any(|changed| path.is_at_or_below(changed));
        let documents = if changed.iter().any(|path| moves_files(repository, path, host.as_ref())) {
            let mut known: BTreeSet<RepoPath> = host.layerfiles(root).into_iter().collect();
            let open = repository.documents().iter().filter(|document| document.is_open());
            known.extend(open.map(|document| document.path().clone()));
            known.into_iter().collect()
        } else {
            repository
                .documents()
                .iter()
                .map(|document| document.path().clone())
                .collect::<Vec<_>>()
        };
        let documents = documents.into_iter().filter_map(|path| {
            let is_open = self.is_open(root, &path);
            let known = repository.find(&path).and_then(|id| repository.document(id));
            match known {
                Some(document) if document.is_open() && is_open => Some(Arc::clone(document)),
                Some(document) if !document.is_open() && !rereads(&path) => {
                    Some(Arc::clone(document))
                }
                _ => from_disk(host.as_ref(), root, path),
            }
        });
        let project = Arc::new(host.project_settings(root));
        let refreshed =
            repository.refreshed(documents.collect(), changed, project, &self.current.settings);
        self.current.repositories.insert(root.to_owned(), Arc::new(refreshed));
    }

    fn is_open(&self, root: &Path, path: &RepoPath) -> bool {
        let key = Key::Path(root.join(path.as_str()));
        self.current.open.contains_key(&key)
    }
}

/// Whether a change at `path` may have made Layerfiles appear or disappear.
fn moves_files(repository: &Repository, path: &RepoPath, host: &dyn Host) -> bool {
    let name = path.file_name().unwrap_or_default();
    let absolute = repository.absolute(path);
    let kind = absolute.and_then(|path| host.kind(&path));
    let below = |other: &RepoPath| other.below(path).is_some_and(|rest| !rest.is_empty());
    match name {
        LAYERFILE_NAME => repository.find(path).is_some() != (kind == Some(EntryKind::File)),
        ".gitignore" | CONFIGURATION_NAME | "" => true,
        _ => {
            kind == Some(EntryKind::Directory)
                || repository.documents().iter().any(|document| below(document.path()))
        }
    }
}

/// A document from disk; `None` if there is none or it can't be read.
pub(super) fn from_disk(host: &dyn Host, root: &Path, path: RepoPath) -> Option<Arc<Document>> {
    let absolute = root.join(path.as_str());
    let text = host.read_text(&absolute).ok()?;
    let uri = uri::of_path(&absolute)?;
    Some(Arc::new(Document::new(uri, Origin::Disk, path, text)))
}
