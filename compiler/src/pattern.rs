//! Patterns in COPY sources: `*`, `?` and `[…]` within one component of a path.
//!
//! Said once, for the check that looks whether a pattern finds anything and for the run that expands it. Knows names
//! only; trees are walked by those who ask.

/// Whether a text holds a character of the pattern language.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether a name fits a pattern. As in shells, a leading dot is matched only by a dot that is written.
///
/// Linear in both for each `*`, no recursion.
pub fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
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
    use super::matches;

    #[test]
    fn matches_like_a_shell() {
        for (pattern, name) in [
            ("package*.json", "package-lock.json"),
            ("*", "a"),
            ("?", "é"),
            ("[a-c]x", "bx"),
            ("[!a]", "b"),
            ("[", "["),
            (".*", ".npmrc"),
            ("*.{js,ts}", "a.{js,ts}"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.js", "a.ts"),
            ("?", ""),
            ("[a-c]", "d"),
            ("a*b*c", "acb"),
            ("[!a]", "a"),
            ("*", ".npmrc"),
            ("?git", ".git"),
            ("[.]git", ".git"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_cost_little() {
        assert!(!matches(&"a*".repeat(200), &"a".repeat(150)));
    }
}
