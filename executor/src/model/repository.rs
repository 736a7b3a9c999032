//! A repository in memory: files by path, directories where files are.

use crate::read_set::{Fingerprint, FingerprintSource, Question, TrackedPath};
use crate::repository_view::{EntryKind, RepositoryView};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;

/// A file's text and mode.
pub(crate) type File = (String, u32);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ModelRepository {
    files: Mutex<BTreeMap<String, File>>,
}

impl ModelRepository {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let repository = Self::default();
        files.iter().for_each(|(path, text)| repository.write(path, text));
        repository
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let mut files = self.files.lock().unwrap();
        files.entry(path.to_owned()).or_insert((String::new(), 0o644)).0 = text.to_owned();
    }

    pub(crate) fn set_mode(&self, path: &str, mode: u32) {
        self.files.lock().unwrap().get_mut(path).unwrap().1 = mode;
    }

    pub(crate) fn remove(&self, path: &str) {
        self.files.lock().unwrap().remove(path);
    }

    pub(crate) fn file(&self, path: &str) -> Option<File> {
        self.files.lock().unwrap().get(path).cloned()
    }

    /// Names directly below a directory; `None` when it isn't one.
    pub(crate) fn list(&self, directory: &str) -> Option<BTreeSet<String>> {
        let files = self.files.lock().unwrap();
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let below = files.keys().filter_map(|path| path.strip_prefix(&prefix));
        let names: BTreeSet<String> =
            below.map(|rest| rest.split('/').next().unwrap_or_default().to_owned()).collect();
        (directory.is_empty() || !names.is_empty()).then_some(names)
    }

    fn kind_of(&self, path: &str) -> Option<EntryKind> {
        if self.file(path).is_some() {
            return Some(EntryKind::Other);
        }
        self.list(path).map(|_| EntryKind::Directory)
    }

    fn answer(&self, path: &str, question: Question) -> String {
        let Some(kind) = self.kind_of(path) else { return "absent".to_owned() };
        let file = self.file(path);
        match question {
            Question::Existence => format!("{kind:?}"),
            Question::Attributes => {
                format!("{kind:?} {:?}", file.map(|(text, mode)| (text.len(), mode)))
            }
            Question::Listing => format!("{:?}", self.list(path)),
            Question::Link => "no link".to_owned(),
            Question::Content => format!("{file:?}"),
        }
    }
}

fn digest(text: &str) -> Fingerprint {
    Fingerprint(*blake3::hash(text.as_bytes()).as_bytes())
}

impl FingerprintSource for ModelRepository {
    fn fingerprint(&self, path: &TrackedPath, question: Question) -> io::Result<Fingerprint> {
        Ok(digest(&self.answer(&path.to_string(), question)))
    }
}

impl RepositoryView for ModelRepository {
    fn kind(&self, path: &TrackedPath) -> io::Result<Option<EntryKind>> {
        Ok(self.kind_of(&path.to_string()))
    }

    fn names(&self, directory: &TrackedPath) -> io::Result<Vec<Vec<u8>>> {
        let names = self.list(&directory.to_string()).unwrap_or_default();
        Ok(names.into_iter().map(String::into_bytes).collect())
    }

    fn absent(&self, _: Question) -> Fingerprint {
        digest("absent")
    }
}
