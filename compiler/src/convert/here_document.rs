//! Here-documents of Dockerfiles: where they are announced, and the shell text that prints the same.
//!
//! A Layerfile has none, so their lines become arguments of printf.

use super::quoting;
use std::ops::Range;

/// `<<EOF` in an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    /// The bytes of the marker in the joined arguments.
    pub(super) range: Range<usize>,
    /// The word that ends the text.
    pub(super) delimiter: String,
    /// Whether variables in the text are expanded.
    pub(super) expansion: Expansion,
    indentation: Indentation,
}

/// What happens to variables in a here-document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expansion {
    /// They are expanded.
    Variables,
    /// Nothing: the delimiter is quoted.
    Nothing,
}

/// What happens to tabs at the start of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Indentation {
    Kept,
    TabsRemoved,
}

/// A here-document with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HereDocument {
    /// What announces it.
    pub(super) marker: Marker,
    /// Its lines.
    pub(super) lines: Vec<String>,
}

impl Marker {
    /// Whether this line ends the text.
    pub(super) fn is_end(&self, line: &str) -> bool {
        self.body_line(line) == self.delimiter
    }

    /// A line of the text.
    pub(super) fn body_line(&self, line: &str) -> String {
        match self.indentation {
            Indentation::Kept => line.to_owned(),
            Indentation::TabsRemoved => line.trim_start_matches('\t').to_owned(),
        }
    }
}

impl HereDocument {
    /// A command that prints the text, over several lines of a Layerfile.
    pub(super) fn printing(&self) -> String {
        if self.lines.is_empty() {
            return "printf ''".to_owned();
        }
        let quote = |line: &String| match self.marker.expansion {
            Expansion::Variables => quoting::expandable_line(line),
            Expansion::Nothing => quoting::literal(line),
        };
        let lines: Vec<String> = self.lines.iter().map(quote).collect();
        format!("printf '%s\\n' \\\n    {}", lines.join(" \\\n    "))
    }
}

/// The markers in the joined arguments of an instruction, outside of quotes, in order.
pub(super) fn markers(text: &str) -> Vec<Marker> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut position = 0;
    while let Some(rest) = text.get(position..) {
        let Some(character) = rest.chars().next() else { break };
        let mut length = character.len_utf8();
        match (character, quote) {
            ('\\', None | Some('"')) => {
                length += rest.chars().nth(1).map_or(0, char::len_utf8);
            }
            ('"' | '\'', None) => quote = Some(character),
            (_, Some(open)) if open == character => quote = None,
            ('<', None) if rest.starts_with("<<<") => length = 3,
            ('<', None) => {
                if let Some(marker) = marker_at(text, position) {
                    length = marker.range.len();
                    found.push(marker);
                }
            }
            _ => {}
        }
        position += length;
    }
    found
}

fn marker_at(text: &str, start: usize) -> Option<Marker> {
    let rest = text.get(start..)?.strip_prefix("<<")?;
    let (indentation, rest) = match rest.strip_prefix('-') {
        Some(rest) => (Indentation::TabsRemoved, rest),
        None => (Indentation::Kept, rest),
    };
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    let word = quote.map_or(rest, |quote| rest.strip_prefix(quote).unwrap_or(rest));
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let length = word.find(|character| !is_word(character)).unwrap_or(word.len());
    let (delimiter, rest) = word.split_at_checked(length)?;
    let starts = delimiter.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let rest = match quote {
        Some(quote) => rest.strip_prefix(quote)?,
        None => rest,
    };
    let expansion = if quote.is_some() { Expansion::Nothing } else { Expansion::Variables };
    starts.then(|| Marker {
        range: start..text.len() - rest.len(),
        delimiter: delimiter.to_owned(),
        expansion,
        indentation,
    })
}
