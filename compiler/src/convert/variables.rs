//! The variables of a Dockerfile whose value is known from its text: what Docker expands in its instructions.
//!
//! A Layerfile expands no variables in COPY, WORKDIR or USER, so there the value has to be written.

use super::quoting::Part;
use std::collections::BTreeMap;

/// The variables at one point of a Dockerfile.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
}

/// A variable that a text needs and whose value isn't known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownVariable(pub(super) String);

impl Variables {
    /// A variable gets a value, or one that isn't known.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        match value {
            Some(value) => self.values.insert(name.to_owned(), value),
            None => self.values.remove(name),
        };
    }

    /// The value of a variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// What Docker makes of a word: quotes gone, variables replaced.
    pub(super) fn expand(&self, text: &str) -> Result<String, UnknownVariable> {
        self.value(&parts(text))
    }

    /// The value of parts.
    pub(super) fn value(&self, parts: &[Part]) -> Result<String, UnknownVariable> {
        parts.iter().map(|part| self.part(part)).collect()
    }

    fn part(&self, part: &Part) -> Result<String, UnknownVariable> {
        let reference = match part {
            Part::Literal(text) => return Ok(text.clone()),
            Part::Expanded(text) => Reference::of(text),
        };
        let value = self.get(reference.name);
        match reference.operator {
            ":-" if value.is_none_or(str::is_empty) => self.expand(reference.word),
            "-" if value.is_none() => self.expand(reference.word),
            ":+" if value.is_some_and(|value| !value.is_empty()) => self.expand(reference.word),
            ":+" => Ok(String::new()),
            "" | ":-" | "-" => {
                value.map(str::to_owned).ok_or_else(|| UnknownVariable(reference.name.to_owned()))
            }
            _ => Err(UnknownVariable(reference.name.to_owned())),
        }
    }
}

/// `${NAME:-word}` taken apart.
struct Reference<'text> {
    name: &'text str,
    operator: &'text str,
    word: &'text str,
}

impl<'text> Reference<'text> {
    fn of(text: &'text str) -> Self {
        let text = text.strip_prefix('$').unwrap_or(text);
        let text = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
        let (name, rest) = text.split_at_checked(name_length(text)).unwrap_or((text, ""));
        let signs = rest.find(|sign| !matches!(sign, ':' | '-' | '+' | '?' | '#' | '%' | '/'));
        let (operator, word) =
            rest.split_at_checked(signs.unwrap_or(rest.len())).unwrap_or(("", rest));
        Self { name, operator, word }
    }
}

/// Bytes of the variable name that a text starts with.
fn name_length(text: &str) -> usize {
    text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .unwrap_or(text.len())
}

/// The parts of a word in Docker's notation.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut reading = Reading { rest: text, parts: Vec::new(), literal: String::new() };
    let mut quote = None;
    while let Some(character) = reading.next() {
        match (character, quote) {
            ('\'', Some('\'')) | ('"', Some('"')) => quote = None,
            (other, Some('\'')) => reading.literal.push(other),
            ('"' | '\'', None) => quote = Some(character),
            ('\\', _) => reading.escape(quote),
            ('$', _) => reading.reference(),
            (other, _) => reading.literal.push(other),
        }
    }
    reading.finish()
}

struct Reading<'text> {
    rest: &'text str,
    parts: Vec<Part>,
    literal: String,
}

impl Reading<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = self.rest.get(character.len_utf8()..)?;
        Some(character)
    }

    fn escape(&mut self, quote: Option<char>) {
        let Some(escaped) = self.next() else { return };
        if quote.is_some() && !matches!(escaped, '$' | '"' | '\\') {
            self.literal.push('\\');
        }
        self.literal.push(escaped);
    }

    /// The text behind a dollar: a variable, or a plain dollar.
    fn reference(&mut self) {
        let length = match self.rest.strip_prefix('{') {
            Some(braced) => braced.find('}').map_or(0, |end| end + 2),
            None => name_length(self.rest),
        };
        let Some((reference, rest)) = self.rest.split_at_checked(length).filter(|_| length > 0)
        else {
            return self.literal.push('$');
        };
        self.end_literal();
        self.parts.push(Part::Expanded(format!("${reference}")));
        self.rest = rest;
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            self.parts.push(Part::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn finish(mut self) -> Vec<Part> {
        self.end_literal();
        self.parts
    }
}
