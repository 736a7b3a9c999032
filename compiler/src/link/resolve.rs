//! What the words of FROM and WAIT name: the Layerfile at the path, or in the directory at the path.
//!
//! Knows the list of Layerfiles only; why something isn't found is told by [`super::missing`].

use crate::repo_path::RepoPath;
use crate::span::FileId;
use std::collections::HashMap;

/// The name under which a Layerfile is discovered.
pub(crate) const LAYERFILE: &str = "Layerfile";

/// The Layerfiles of a repository by path.
#[derive(Debug)]
pub(crate) struct Layerfiles<'a> {
    paths: Vec<&'a RepoPath>,
    by_path: HashMap<&'a RepoPath, FileId>,
}

impl<'a> Layerfiles<'a> {
    /// The Layerfiles in the order of their ids.
    pub(crate) fn new(paths: Vec<&'a RepoPath>) -> Self {
        let ids = (0..).map(FileId::new);
        let by_path = paths.iter().copied().zip(ids).collect();
        Self { paths, by_path }
    }

    /// The path of a file.
    pub(crate) fn path(&self, file: FileId) -> Option<&'a RepoPath> {
        self.paths.get(file.index()).copied()
    }

    /// Every file with its path, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (FileId, &'a RepoPath)> {
        (0..).map(FileId::new).zip(self.paths.iter().copied())
    }

    /// The Layerfile that `path` names, itself or as the directory that holds it.
    pub(crate) fn named_by(&self, path: &RepoPath) -> Option<FileId> {
        if let Some(file) = self.by_path.get(path) {
            return Some(*file);
        }
        self.by_path.get(&path.join(LAYERFILE)?).copied()
    }
}

/// How a reference is spelled, so that a correction is spelled alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spelling {
    /// From the root, or from the directory of the file.
    anchor: Anchor,
    /// Whether it names the file or its directory.
    ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Root,
    Directory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    File,
    Directory,
}

impl Spelling {
    fn of(text: &str) -> Self {
        let anchor = if text.starts_with(['/', '\\']) { Anchor::Root } else { Anchor::Directory };
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        let begun = last.len() > 2 && LAYERFILE.to_ascii_lowercase().starts_with(&last);
        let names_file = begun || last.starts_with("layerfile");
        let ending = if names_file { Ending::File } else { Ending::Directory };
        Self { anchor, ending }
    }
}

/// The word that names the Layerfile `target` from `directory`, spelled like `text`.
pub fn spell_like(text: &str, directory: &RepoPath, target: &RepoPath) -> String {
    let Spelling { anchor, ending } = Spelling::of(text);
    let parent = target.parent().unwrap_or_else(RepoPath::root);
    let named = if ending == Ending::File { target } else { &parent };
    match anchor {
        Anchor::Root => format!("/{}", named.as_str()),
        Anchor::Directory => relative(directory, named),
    }
}

/// The relative path from a directory, which always starts with a dot.
pub fn relative(directory: &RepoPath, path: &RepoPath) -> String {
    let way = path.way_from(directory);
    match way.as_str() {
        "" => ".".to_owned(),
        ".." => way,
        climbing if climbing.starts_with("../") => way,
        down => format!("./{down}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Layerfiles, spell_like};
    use crate::repo_path::RepoPath;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    fn check_spelling(text: &str, directory: &str, target: &str, expected: &str) {
        assert_eq!(spell_like(text, &path(directory), &path(target)), expected);
    }

    #[test]
    fn corrections_are_spelled_like_the_mistake() {
        check_spelling("/bse", "web", "base/Layerfile", "/base");
        check_spelling("/bse/Layerfile", "web", "base/Layerfile", "/base/Layerfile");
        check_spelling("./base", "web/test", "web/base/Layerfile", "../base");
        check_spelling("../LayerFile", "web", "Layerfile", "../Layerfile");
        check_spelling("bse", "", "base/Layerfile", "./base");
        check_spelling("\\layerfile", "", "Layerfile", "/Layerfile");
        check_spelling("/Layer", "web", "Layerfile", "/Layerfile");
        check_spelling("/x", "web", "Layerfile", "/");
    }

    #[test]
    fn a_file_and_its_directory_name_the_same() {
        let (root, base) = (path("Layerfile"), path("base/Layerfile"));
        let files = Layerfiles::new(vec![&root, &base]);
        for name in ["base", "base/Layerfile"] {
            assert_eq!(files.named_by(&path(name)).and_then(|file| files.path(file)), Some(&base));
        }
        assert_eq!(files.named_by(&path("")).and_then(|file| files.path(file)), Some(&root));
        assert_eq!(files.named_by(&path("other")), None);
    }
}
