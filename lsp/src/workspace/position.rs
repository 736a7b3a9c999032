//! Byte offsets to protocol positions and back, in the encoding that client and server agreed on.
//!
//! Knows texts and lines only.

use layerc_compiler::line_index::{ColumnUnit, LineColumn, LineIndex};
use layerc_compiler::span::Span;
use ls_types::{Position, PositionEncodingKind, Range};

/// What the character of a position counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PositionEncoding {
    /// Bytes: what the server counts in itself.
    Utf8,
    /// 16-bit units: what every client understands.
    #[default]
    Utf16,
}

impl PositionEncoding {
    /// The best of what a client offers, in whatever order it does.
    pub fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Self {
        let utf8 = offered.is_some_and(|kinds| kinds.contains(&PositionEncodingKind::UTF8));
        if utf8 { Self::Utf8 } else { Self::Utf16 }
    }

    /// Its name in the protocol.
    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    const fn unit(self) -> ColumnUnit {
        match self {
            Self::Utf8 => ColumnUnit::Utf8Bytes,
            Self::Utf16 => ColumnUnit::Utf16Units,
        }
    }

    /// How many units a text has.
    pub fn length(self, text: &str) -> u32 {
        let units = match self {
            Self::Utf8 => text.len(),
            Self::Utf16 if text.is_ascii() => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
        };
        u32::try_from(units).unwrap_or(u32::MAX)
    }
}

/// A text with its lines: all that positions need.
#[derive(Debug, Clone, Copy)]
pub struct Positions<'text> {
    /// The text.
    pub text: &'text str,
    /// Its lines.
    pub lines: &'text LineIndex,
    /// What characters of positions count.
    pub encoding: PositionEncoding,
}

impl Positions<'_> {
    /// The position of a byte; past the end counts as the end.
    pub fn position(self, offset: u32) -> Position {
        let place = self.lines.position(self.text, offset, self.encoding.unit());
        Position { line: place.line.saturating_sub(1), character: place.column.saturating_sub(1) }
    }

    /// The byte of a position; past the end of a line counts as its end, past the last line as the end of the text.
    pub fn offset(self, position: Position) -> u32 {
        let place = LineColumn {
            line: position.line.saturating_add(1),
            column: position.character.saturating_add(1),
        };
        self.lines.offset(self.text, place, self.encoding.unit())
    }

    /// The range of a span.
    pub fn range(self, span: Span) -> Range {
        Range { start: self.position(span.start()), end: self.position(span.end()) }
    }

    /// The span of a range; an end before the start is raised to the start.
    pub fn span(self, range: Range) -> Span {
        Span::new(self.offset(range.start), self.offset(range.end))
    }

    /// The range of the whole text.
    pub fn whole(self) -> Range {
        self.range(Span::new(0, u32::try_from(self.text.len()).unwrap_or(u32::MAX)))
    }
}
