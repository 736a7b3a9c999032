//! Positions: which file, and which bytes of its original text.
//!
//! Knows nothing of lines and columns; [`crate::line_index`] turns offsets into those, at the edge.

use serde::{Deserialize, Serialize};

/// A Layerfile of one [`crate::project::Project`]. Only an index: no path can be had from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(u32);

impl FileId {
    /// The file at `index` in its project.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Position in the project's file list.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Stands for a file in its own diagnostics until linking gives it an id.
pub const OWN_FILE: FileId = FileId::new(0);

/// A half-open range of byte offsets into a file's original text (before continuation removal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Bytes `start..end`; an end before the start is raised to the start.
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// The empty range at `offset`.
    pub const fn empty(offset: u32) -> Self {
        Self { start: offset, end: offset }
    }

    /// First byte.
    pub const fn start(self) -> u32 {
        self.start
    }

    /// One past the last byte.
    pub const fn end(self) -> u32 {
        self.end
    }

    /// Number of bytes.
    pub const fn len(self) -> u32 {
        self.end - self.start
    }

    /// Whether the range holds no byte.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The smallest range that covers both.
    pub fn cover(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether `offset` lies in the range, its end included (a cursor behind the last character counts).
    pub const fn touches(self, offset: u32) -> bool {
        self.start <= offset && offset <= self.end
    }

    /// The range as indices of a string.
    pub const fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value with the place it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where, in the original text.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}
