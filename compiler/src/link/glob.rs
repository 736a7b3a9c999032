//! Whether a pattern of a COPY source finds anything.
//!
//! Walks the tree through [`Sources`], with a limit. What fits is said in [`crate::pattern`]; knows nothing of diagnostics.

use crate::pattern::{is_pattern, matches};
use crate::repo_path::RepoPath;
use crate::sources::{EntryKind, Sources};

/// Directory entries looked at for one pattern; past it the pattern counts as matching.
const ENTRIES_LIMIT: usize = 50_000;

/// What a pattern found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// At least one path.
    Something,
    /// No path.
    Nothing,
    /// The tree is too large to tell.
    TooMuch,
}

/// Whether `pattern`, a path whose components may be patterns, names anything but `.git`.
pub(crate) fn find(sources: &dyn Sources, pattern: &RepoPath) -> Found {
    let components: Vec<&str> = pattern.components().collect();
    let mut open: Vec<(RepoPath, usize)> = vec![(RepoPath::root(), 0)];
    let mut looked_at = 0;
    while let Some((directory, depth)) = open.pop() {
        let Some(component) = components.get(depth) else { return Found::Something };
        if !is_pattern(component) {
            let next = directory.join(component).filter(|path| sources.kind(path).is_some());
            open.extend(next.map(|path| (path, depth + 1)));
            continue;
        }
        let entries = sources.list(&directory);
        looked_at += entries.len();
        if looked_at > ENTRIES_LIMIT {
            return Found::TooMuch;
        }
        let last = depth + 1 == components.len();
        let fits =
            entries.iter().filter(|entry| entry.name != ".git" && matches(component, &entry.name));
        let fits = fits.filter(|entry| last || entry.kind != EntryKind::File);
        open.extend(fits.filter_map(|entry| Some((directory.join(&entry.name)?, depth + 1))));
    }
    Found::Nothing
}

#[cfg(test)]
mod tests {
    use super::{Found, find};
    use crate::repo_path::RepoPath;
    use crate::sources::MemorySources;

    #[test]
    fn finds_across_directories() {
        let paths = ["web/package.json", "api/go.mod", ".git/config"];
        let sources = MemorySources::new(paths.into_iter().filter_map(RepoPath::new));
        let found = |pattern: &str| find(&sources, &RepoPath::new(pattern).unwrap());
        assert_eq!(found("*/package*.json"), Found::Something);
        assert_eq!(found("api/*.sum"), Found::Nothing);
        assert_eq!(found("*/config"), Found::Nothing);
        assert_eq!(found("web"), Found::Something);
    }
}
