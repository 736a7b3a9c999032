//! Patterns in COPY sources: `*`, `?` and `[…]` within one component of a path.
//!
//! Matches names and walks the tree through [`Sources`], with a limit; knows nothing of diagnostics.

use crate::repo_path::RepoPath;
use crate::sources::{EntryKind, Sources};

/// Directory entries looked at for one pattern; past it the pattern counts as matching.
const ENTRIES_LIMIT: usize = 50_000;

/// Whether a text holds a character of the pattern language.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

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

/// Whether a name fits a pattern. Linear in both for each `*`, no recursion.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<Piece> = pieces(pattern);
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = name.get(read) {
        match pattern.get(at) {
            Some(Piece::Star) => {
                star = Some((at, read));
                at += 1;
            }
            Some(piece) if piece.takes(*character) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star_at, star_read)) = star else { return false };
                star = Some((star_at, star_read + 1));
                at = star_at + 1;
                read = star_read + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|piece| matches!(piece, Piece::Star))
}

#[derive(Debug)]
enum Piece {
    Star,
    Any,
    Exactly(char),
    Class { ranges: Vec<(char, char)>, inverted: Inverted },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inverted {
    Yes,
    No,
}

impl Piece {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Exactly(expected) => *expected == character,
            Self::Class { ranges, inverted } => {
                let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&character));
                inside != (*inverted == Inverted::Yes)
            }
        }
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut rest = pattern;
    let mut pieces = Vec::new();
    while let Some(character) = rest.chars().next() {
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        let (piece, next) = match character {
            '*' => (Piece::Star, after),
            '?' => (Piece::Any, after),
            '[' => class(after).unwrap_or((Piece::Exactly('['), after)),
            _ => (Piece::Exactly(character), after),
        };
        pieces.push(piece);
        rest = next;
    }
    pieces
}

/// The class that `text`, behind a `[`, begins with, and the rest; `None` if it isn't closed.
fn class(text: &str) -> Option<(Piece, &str)> {
    let inner = text.strip_prefix(['!', '^']);
    let inverted = if inner.is_some() { Inverted::Yes } else { Inverted::No };
    let inner = inner.unwrap_or(text);
    let end = inner.char_indices().skip(1).find(|(_, character)| *character == ']')?.0;
    let members: Vec<char> = inner.get(..end)?.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(low) = members.get(at) {
        let high = members.get(at + 2).filter(|_| members.get(at + 1) == Some(&'-'));
        ranges.push((*low, *high.unwrap_or(low)));
        at += if high.is_some() { 3 } else { 1 };
    }
    Some((Piece::Class { ranges, inverted }, inner.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::{Found, find, matches};
    use crate::repo_path::RepoPath;
    use crate::sources::MemorySources;

    #[test]
    fn matches_like_a_shell() {
        for (pattern, name) in [
            ("package*.json", "package-lock.json"),
            ("*", "a"),
            ("?", "é"),
            ("[a-c]x", "bx"),
            ("[!a]", "b"),
            ("[", "["),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.js", "a.ts"), ("?", ""), ("[a-c]", "d"), ("a*b*c", "acb"), ("[!a]", "a")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

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

    #[test]
    fn many_stars_cost_little() {
        assert!(!matches(&"a*".repeat(200), &"a".repeat(150)));
    }
}
