//! Text inside a Layerfile that is read by somebody else, with a map from its bytes to those of the file.
//!
//! An argument's value has its continuations removed; what is found in it must be shown where it was written.

use layerc_compiler::directive::Word;
use layerc_compiler::source_map::LogicalText;
use layerc_compiler::span::Span;
use std::ops::Range;

/// The logical text of one argument.
#[derive(Debug)]
pub struct Embedded<'text> {
    start: u32,
    logical: LogicalText<'text>,
}

impl<'text> Embedded<'text> {
    /// The argument `word` of the file with text `file`.
    pub fn of(file: &'text str, word: &Word) -> Self {
        let written = file.get(word.span.range()).unwrap_or_default();
        Self { start: word.span.start(), logical: LogicalText::new(written) }
    }

    /// The text without continuations.
    pub fn text(&self) -> &str {
        self.logical.text()
    }

    /// Where a range of it was written.
    pub fn span(&self, range: Range<usize>) -> Span {
        let at = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let span = self.logical.span(at(range.start)..at(range.end));
        Span::new(self.start + span.start(), self.start + span.end())
    }
}
