//! Paths inside a repository: `/`-separated, relative to its root, never leaving it.

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// A normalised path relative to the repository root: no leading `/`, no empty, `.` or `..` component.
/// The root itself is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RepoPath(String);

impl RepoPath {
    /// The repository root.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Resolves `text` against directory `base`: a leading `/` means the repository root.
    /// `None` if the path climbs out of the repository.
    pub fn resolve(base: &Self, text: &str) -> Option<Self> {
        let mut components: Vec<&str> =
            if text.starts_with('/') { Vec::new() } else { base.components().collect() };
        for component in text.split('/') {
            match component {
                "" | "." => {}
                ".." => {
                    components.pop()?;
                }
                name => components.push(name),
            }
        }
        Some(Self(components.join("/")))
    }

    /// A path from the root. `None` if it climbs out.
    pub fn new(text: &str) -> Option<Self> {
        Self::resolve(&Self::root(), text)
    }

    /// This path with `name` (which may hold several components) below it; `None` if it climbs out.
    pub fn join(&self, name: &str) -> Option<Self> {
        Self::resolve(self, name.trim_start_matches('/'))
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or(String::new(), |(head, _)| head.to_owned())))
    }

    /// The last component; `None` for the root.
    pub fn file_name(&self) -> Option<&str> {
        (!self.0.is_empty())
            .then(|| self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, tail)| tail))
    }

    /// The components from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// The part of this path below `directory`: empty if they are the same, `None` if this isn't in there.
    pub fn below(&self, directory: &Self) -> Option<&str> {
        let rest = self.0.strip_prefix(directory.as_str())?;
        if directory.is_root() || rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }

    /// Whether this is `directory` or something in it.
    pub fn is_at_or_below(&self, directory: &Self) -> bool {
        self.below(directory).is_some()
    }

    /// The way here from `directory`, without a dot in front: `..` for each level up, empty for the directory itself.
    pub fn way_from(&self, directory: &Self) -> String {
        let shared = directory
            .components()
            .zip(self.components())
            .take_while(|(one, other)| one == other)
            .count();
        let climbs = directory.components().count() - shared;
        let parts: Vec<&str> =
            std::iter::repeat_n("..", climbs).chain(self.components().skip(shared)).collect();
        parts.join("/")
    }

    /// The text without a leading slash; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the repository root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

/// Refuses any text that is not already normal: what was written by [`Serialize`] always is, and what comes from
/// elsewhere must not climb out of the repository.
impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match Self::new(&text) {
            Some(path) if path.0 == text => Ok(path),
            Some(_) | None => Err(D::Error::invalid_value(
                Unexpected::Str(&text),
                &"a path inside the repository",
            )),
        }
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::RepoPath;

    fn resolved(base: &str, text: &str) -> Option<String> {
        RepoPath::resolve(&RepoPath::new(base)?, text).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn resolves_like_a_layerfile_reference() {
        assert_eq!(resolved("a/b", "../base").as_deref(), Some("a/base"));
        assert_eq!(resolved("a/b", "/base/").as_deref(), Some("base"));
        assert_eq!(resolved("a/b", "./c//d").as_deref(), Some("a/b/c/d"));
        assert_eq!(resolved("a", "../..").as_deref(), None);
        assert_eq!(resolved("a", "..").as_deref(), Some(""));
    }

    #[test]
    fn whole_components_count_below_a_directory() {
        let below = |path: &str, directory: &str| {
            let (path, directory) = (RepoPath::new(path)?, RepoPath::new(directory)?);
            assert_eq!(path.is_at_or_below(&directory), path.below(&directory).is_some());
            path.below(&directory).map(str::to_owned)
        };
        assert_eq!(below("a/b/c", "a").as_deref(), Some("b/c"));
        assert_eq!(below("a/b", "a/b").as_deref(), Some(""));
        assert_eq!(below("a/b", "").as_deref(), Some("a/b"));
        assert_eq!(below("ab", "a"), None);
        assert_eq!(below("a", "a/b"), None);
    }

    #[test]
    fn the_way_leads_up_and_down() {
        let way = |path: &str, directory: &str| {
            Some(RepoPath::new(path)?.way_from(&RepoPath::new(directory)?))
        };
        assert_eq!(way("a/b", "a/c/d").as_deref(), Some("../../b"));
        assert_eq!(way("a/b", "a").as_deref(), Some("b"));
        assert_eq!(way("a", "a").as_deref(), Some(""));
        assert_eq!(way("", "a").as_deref(), Some(".."));
    }
}
