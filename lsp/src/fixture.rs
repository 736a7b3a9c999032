//! Trees of Layerfiles in memory, for the tests of features.
//!
//! ```text
//! --- base/Layerfile
//! FROM vm/ubuntu:18.04
//! --- web/Layerfile
//! FROM ../ba‸se
//! ```
//!
//! `‸` is the cursor; its file is open, the others are on disk. A text without a heading is `Layerfile`.

use crate::forecast::StepForecast;
use crate::host::{Host, ProjectSettings};
use crate::workspace::{FileView, PositionEncoding, Snapshot, State, uri};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{Entry, EntryKind, MemorySources, Sources};
use ls_types::{Location, Position, Range, TextEdit, Uri};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the tree is.
const ROOT: &str = "/repository";

/// Where the cursor is.
pub(crate) const CURSOR: char = '‸';

/// A tree, a cursor in it, and the state of a server that looks at it.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) uri: Uri,
    pub(crate) position: Position,
}

impl Fixture {
    pub(crate) fn new(text: &str) -> Self {
        Self::with_encoding(text, PositionEncoding::Utf8)
    }

    pub(crate) fn with_encoding(text: &str, encoding: PositionEncoding) -> Self {
        let files = sections(text);
        let (path, marked) = files
            .iter()
            .find(|(_, text)| text.contains(CURSOR))
            .or_else(|| files.last())
            .map(|(path, text)| (path.clone(), text.clone()))
            .expect("a tree with a file");
        let offset = marked.find(CURSOR).unwrap_or(0);
        let mut fixture = Self::opened(&files, &path, marked.replace(CURSOR, ""), encoding);
        let offset = u32::try_from(offset).expect("a small file");
        fixture.position = fixture.view().positions().position(offset);
        fixture
    }

    /// A tree in which the file at `path` is open with this text, marks of this fixture's own meaning nothing in it.
    pub(crate) fn typing(tree: &str, path: &str, text: &str) -> Self {
        Self::opened(&sections(tree), path, text.to_owned(), PositionEncoding::Utf8)
    }

    fn opened(
        files: &[(String, String)],
        path: &str,
        text: String,
        encoding: PositionEncoding,
    ) -> Self {
        let mut state = State::new(Arc::new(MemoryHost::new(files)));
        state.agree_on(encoding);
        state.add_folder(Path::new(ROOT));
        let uri = uri_of(path);
        state.open(uri.clone(), 1, text);
        Self { snapshot: state.snapshot(), uri, position: Position::default() }
    }

    /// The file with the cursor.
    pub(crate) fn view(&self) -> FileView<'_> {
        self.snapshot.file(&self.uri).expect("the open file")
    }
}

pub(crate) fn uri_of(path: &str) -> Uri {
    uri::of_path(&Path::new(ROOT).join(path)).expect("an absolute path")
}

/// `web/Layerfile 1:5-1:9`, zero-based as in the protocol.
pub(crate) fn shown(location: &Location) -> String {
    format!("{} {}", shown_uri(&location.uri), shown_range(location.range))
}

pub(crate) fn shown_uri(uri: &Uri) -> String {
    uri.as_str().rsplit_once("/repository/").map_or(uri.as_str(), |(_, path)| path).to_owned()
}

pub(crate) fn shown_range(range: Range) -> String {
    let Range { start, end } = range;
    format!("{}:{}-{}:{}", start.line, start.character, end.line, end.character)
}

/// The text of a view after edits.
pub(crate) fn edited(view: FileView<'_>, edits: &[TextEdit]) -> String {
    let mut spans: Vec<_> = edits
        .iter()
        .map(|edit| (view.positions().span(edit.range), edit.new_text.as_str()))
        .collect();
    spans.sort_by_key(|(span, _)| *span);
    let mut text = view.text().to_owned();
    for (span, new) in spans.into_iter().rev() {
        text.replace_range(span.range(), new);
    }
    text
}

/// The files of a tree: paths and texts.
pub(crate) fn sections(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("--- ") {
            Some(path) => files.push((path.trim().to_owned(), String::new())),
            None if files.is_empty() => files.push(("Layerfile".to_owned(), line.to_owned())),
            None => files.last_mut().expect("a section").1.push_str(line),
        }
    }
    files
}

/// A machine whose disk is a list of texts.
#[derive(Debug)]
struct MemoryHost {
    texts: BTreeMap<PathBuf, String>,
    tree: MemorySources,
}

impl MemoryHost {
    fn new(files: &[(String, String)]) -> Self {
        let paths = files.iter().filter_map(|(path, _)| RepoPath::new(path));
        let tree = MemorySources::new(paths);
        let texts = files
            .iter()
            .map(|(path, text)| (Path::new(ROOT).join(path), text.replace(CURSOR, "")))
            .collect();
        Self { texts, tree }
    }

    fn inside(path: &Path) -> Option<RepoPath> {
        RepoPath::new(path.strip_prefix(ROOT).ok()?.to_str()?)
    }
}

impl Host for MemoryHost {
    fn repository_root(&self, path: &Path) -> Option<PathBuf> {
        path.starts_with(ROOT).then(|| PathBuf::from(ROOT))
    }

    fn layerfiles(&self, _: &Path) -> Vec<RepoPath> {
        let layerfiles = self.texts.keys().filter(|path| path.ends_with("Layerfile"));
        layerfiles.filter_map(|path| Self::inside(path)).collect()
    }

    fn read_text(&self, path: &Path) -> Result<String, String> {
        self.texts.get(path).cloned().ok_or_else(|| "is not there".to_owned())
    }

    fn kind(&self, path: &Path) -> Option<EntryKind> {
        self.tree.kind(&Self::inside(path)?)
    }

    fn list(&self, directory: &Path) -> Vec<Entry> {
        Self::inside(directory).map(|path| self.tree.list(&path)).unwrap_or_default()
    }

    fn project_settings(&self, _: &Path) -> ProjectSettings {
        let images = vec!["vm/project:1".to_owned()];
        ProjectSettings { images, ..ProjectSettings::default() }
    }

    fn rule_pages(&self) -> Option<&Path> {
        Some(Path::new("/pages"))
    }

    fn variables(&self, _: &Path) -> BTreeMap<String, String> {
        let now = [("GIT_BRANCH", "feature"), ("GIT_COMMIT_TITLE", "two words")];
        now.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn forecast(&self) -> Option<&dyn StepForecast> {
        None
    }
}
