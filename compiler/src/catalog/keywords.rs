//! Keywords in text: which directive a line starts with.
//!
//! Knows only the spelling of the table; what follows a keyword is the lexer's business.

use super::directives::{DIRECTIVES, DirectiveInfo};
use std::ops::Range;

/// Words of the longest keyword.
const MAX_KEYWORD_WORDS: usize = 3;

/// Where the words of a keyword stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeywordWords {
    /// Start and end of each word; only the first `count` are filled.
    places: [(usize, usize); MAX_KEYWORD_WORDS],
    count: usize,
}

impl KeywordWords {
    /// The place of each word, in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.places.iter().take(self.count).map(|(start, end)| *start..*end)
    }

    /// One past the last word.
    pub fn end(&self) -> usize {
        self.ranges().last().map_or(0, |last| last.end)
    }
}

/// The directive whose keyword starts `text`, longest keyword first, with the place of each of its words.
/// Words may be separated by any spaces and tabs; a keyword ends where a word ends.
pub fn keyword_at(text: &str) -> Option<(&'static DirectiveInfo, KeywordWords)> {
    let first = first_word(text)?;
    let mut found: Option<(&DirectiveInfo, KeywordWords)> = None;
    for info in DIRECTIVES {
        let Some(others) = words_after(info.keyword, first) else { continue };
        let longest = found.map_or(0, |(_, words)| words.count);
        if let Some(words) =
            keyword_words(text, first.len(), others).filter(|words| words.count > longest)
        {
            found = Some((info, words));
        }
    }
    found
}

/// What follows `word` in `keyword`, if that is its first word: nothing, or a blank and further words. Every line asks this
/// of every keyword, so the first letter decides before texts are compared.
fn words_after<'keyword>(keyword: &'keyword str, word: &str) -> Option<&'keyword str> {
    if keyword.bytes().next() != word.bytes().next() {
        return None;
    }
    keyword.strip_prefix(word).filter(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Where the words of a keyword stand in `text`: the first, of this length, at its start, then `others`.
fn keyword_words(text: &str, first: usize, others: &str) -> Option<KeywordWords> {
    let mut words = KeywordWords { places: [(0, first), (0, 0), (0, 0)], count: 1 };
    let mut position = first;
    for expected in others.split(' ').skip(1) {
        let rest = text.get(position..)?;
        let start = position + (rest.len() - rest.trim_start_matches(BLANKS).len());
        if !text.get(start..)?.starts_with(expected) {
            return None;
        }
        position = start + expected.len();
        if text.as_bytes().get(position).is_some_and(|byte| !ends_word(*byte)) {
            return None;
        }
        *words.places.get_mut(words.count)? = (start, position);
        words.count += 1;
    }
    Some(words)
}

const BLANKS: [char; 2] = [' ', '\t'];

/// The text up to the first blank or line end; `None` if it starts with one.
fn first_word(text: &str) -> Option<&str> {
    let end = text.bytes().position(ends_word).unwrap_or(text.len());
    text.get(..end).filter(|word| !word.is_empty())
}

const fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::keyword_at;

    fn check_keyword(text: &str, expected: Option<&str>) {
        assert_eq!(keyword_at(text).map(|(info, _)| info.keyword), expected, "{text:?}");
    }

    #[test]
    fn the_longest_keyword_wins_and_ends_at_a_word() {
        check_keyword("RUN a", Some("RUN"));
        check_keyword("RUN BACKGROUND a", Some("RUN BACKGROUND"));
        check_keyword("RUN\t BACKGROUNDx a", Some("RUN"));
        check_keyword("SKIP  REMAINING\tIF A=b", Some("SKIP REMAINING IF"));
        check_keyword("SKIP REMAINING A=b", None);
        check_keyword("EXPOSE 80", None);
        check_keyword("COPYa b", None);
        check_keyword("", None);
    }
}
