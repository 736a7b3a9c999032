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
    for info in DIRECTIVES.iter().filter(|info| starts_with_word(info.keyword, first)) {
        let longest = found.map_or(0, |(_, words)| words.count);
        if let Some(words) = keyword_words(text, info.keyword).filter(|words| words.count > longest)
        {
            found = Some((info, words));
        }
    }
    found
}

/// Whether `word` is the first of the words of `keyword`. Every line asks this of every keyword, so the first letter
/// decides before texts are compared.
fn starts_with_word(keyword: &str, word: &str) -> bool {
    keyword.bytes().next() == word.bytes().next()
        && keyword.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Where each word of `keyword` stands at the start of `text`.
fn keyword_words(text: &str, keyword: &str) -> Option<KeywordWords> {
    let mut words = KeywordWords { places: [(0, 0); MAX_KEYWORD_WORDS], count: 0 };
    let mut position = 0;
    for expected in keyword.split(' ') {
        let rest = text.get(position..)?;
        let start = position + (rest.len() - rest.trim_start_matches(BLANKS).len());
        if first_word(text.get(start..)?)? != expected {
            return None;
        }
        position = start + expected.len();
        *words.places.get_mut(words.count)? = (start, position);
        words.count += 1;
    }
    Some(words)
}

const BLANKS: [char; 2] = [' ', '\t'];

/// The text up to the first blank or line end; `None` if it starts with one.
fn first_word(text: &str) -> Option<&str> {
    let ends = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let end = text.bytes().position(ends).unwrap_or(text.len());
    text.get(..end).filter(|word| !word.is_empty())
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
