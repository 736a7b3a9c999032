//! The logical line up to the cursor, for what is asked while typing: completion and signature help.
//!
//! Half-typed instructions are no instructions yet, so this reads text, with the keywords of the catalogue.

use crate::workspace::FileView;
use layerc_compiler::catalog::{DirectiveInfo, keyword_at};
use layerc_compiler::source_map::LogicalText;
use layerc_compiler::span::Span;

/// The logical line before a place.
#[derive(Debug)]
pub struct Line<'s> {
    /// Where it starts.
    start: u32,
    /// Where the cursor is.
    pub end: u32,
    /// Its text up to the cursor, as written.
    written: &'s str,
    /// The same without continuations and the blanks in front.
    logical: String,
}

impl<'s> Line<'s> {
    /// The logical line before byte `offset`.
    pub fn before(view: FileView<'s>, offset: u32) -> Self {
        let lines = &view.analysis().lines;
        let mut first = lines.line(offset);
        while first > 0 && continues(view, first - 1) {
            first -= 1;
        }
        let start = lines.line_start(first).unwrap_or(0);
        let written = view.slice(Span::new(start, offset));
        let logical = LogicalText::new(written).text().trim_start().to_owned();
        Self { start, end: offset, written, logical }
    }

    /// Its text, continuations and blanks in front removed.
    pub fn text(&self) -> &str {
        &self.logical
    }

    /// Where what is written on it begins.
    pub fn text_start(&self) -> u32 {
        let blanks = self.written.len() - self.written.trim_start().len();
        self.start + u32::try_from(blanks).unwrap_or(0)
    }

    /// Whether it is a comment.
    pub fn is_comment(&self) -> bool {
        self.logical.starts_with('#')
    }

    /// The instruction it starts and what follows the blank behind the keyword; `None` while the keyword is typed.
    pub fn arguments(&self) -> Option<(&'static DirectiveInfo, &str)> {
        let (info, words) = keyword_at(&self.logical).filter(|_| !self.is_comment())?;
        let rest = self.logical.get(words.end()..)?;
        rest.starts_with([' ', '\t']).then(|| (info, rest.trim_start()))
    }
}

/// Whether a physical line ends in a continuation.
fn continues(view: FileView<'_>, line: u32) -> bool {
    let lines = &view.analysis().lines;
    let start = lines.line_start(line).unwrap_or(0);
    let end = lines.line_start(line + 1).unwrap_or(start);
    let text = view.slice(Span::new(start, end)).trim_end_matches(['\r', '\n']);
    text.trim_end_matches([' ', '\t']).ends_with('\\')
}
