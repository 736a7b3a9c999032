//! Tokens in the protocol's form: each relative to the one before, counted in the agreed units, split at line ends.
//!
//! One walk over the text: what comes in must be in order, and what isn't is left out.

use super::Kind;
use crate::workspace::position::Positions;
use layerc_compiler::span::Span;
use ls_types::SemanticToken;

/// Collects tokens.
#[derive(Debug)]
pub(super) struct Emitter<'s> {
    positions: Positions<'s>,
    tokens: Vec<SemanticToken>,
    /// Line and byte that the walk has come to, and its column in units.
    line: u32,
    offset: u32,
    column: u32,
    /// Line and column of the last token.
    last: (u32, u32),
}

impl<'s> Emitter<'s> {
    /// None yet.
    pub(super) const fn new(positions: Positions<'s>) -> Self {
        Self { positions, tokens: Vec::new(), line: 0, offset: 0, column: 0, last: (0, 0) }
    }

    /// Adds a stretch, a token for each line that it has text on.
    pub(super) fn push(&mut self, span: Span, kind: Kind, modifiers: u32) {
        if span.start() < self.offset || span.is_empty() {
            return;
        }
        let lines = self.positions.lines;
        let (first, last) = (lines.line(span.start()), lines.line(span.end()));
        if first == last {
            self.on_one_line(first, span, kind, modifiers);
            return;
        }
        for line in first..=last {
            let start = lines.line_start(line).unwrap_or(span.end()).max(span.start());
            let end = lines.line_start(line + 1).unwrap_or(span.end()).min(span.end());
            let text = self.text(start, end);
            let trimmed = text.trim_start_matches([' ', '\t']);
            let skipped = if line == first { 0 } else { text.len() - trimmed.len() };
            let start = start + u32::try_from(skipped).unwrap_or(0);
            let text = self.text(start, end).trim_end_matches(['\r', '\n']);
            let end = start + u32::try_from(text.len()).unwrap_or(0);
            self.on_one_line(line, Span::new(start, end), kind, modifiers);
        }
    }

    fn text(&self, start: u32, end: u32) -> &'s str {
        self.positions.text.get(start as usize..end as usize).unwrap_or_default()
    }

    fn on_one_line(&mut self, line: u32, span: Span, kind: Kind, modifiers: u32) {
        if span.is_empty() {
            return;
        }
        if line != self.line {
            self.line = line;
            self.offset = self.positions.lines.line_start(line).unwrap_or(span.start());
            self.column = 0;
        }
        let encoding = self.positions.encoding;
        self.column += encoding.length(self.text(self.offset, span.start()));
        let length = encoding.length(self.text(span.start(), span.end()));
        let (last_line, last_column) = self.last;
        let delta_start = if line == last_line { self.column - last_column } else { self.column };
        self.tokens.push(SemanticToken {
            delta_line: line - last_line,
            delta_start,
            length,
            token_type: kind as u32,
            token_modifiers_bitset: modifiers,
        });
        self.last = (line, self.column);
        self.column += length;
        self.offset = span.end();
    }

    /// The tokens.
    pub(super) fn into_tokens(self) -> Vec<SemanticToken> {
        self.tokens
    }
}
