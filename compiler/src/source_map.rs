//! Continuation removal: the original text to the logical text that the language is defined on, and back.
//!
//! A backslash, blanks and a line end (or the end of the text) are deleted before anything else is read, and nothing
//! is inserted. This holds everywhere: inside keywords, quotes and comments. Knows nothing of instructions.

use crate::span::Span;
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

/// One deleted continuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continuation {
    /// The deleted bytes of the original text.
    pub original: Span,
    /// Where in the logical text they are missing.
    pub logical: u32,
    /// Bytes deleted up to and including this one.
    removed: u32,
}

/// A text without its continuations.
#[derive(Debug, Clone)]
pub struct LogicalText<'text> {
    text: Cow<'text, str>,
    continuations: Vec<Continuation>,
    /// How many continuations stood before the last range that was asked for. Ranges are asked for in order, so the
    /// next one is usually behind the same or one more.
    near: Cell<usize>,
}

impl<'text> LogicalText<'text> {
    /// Deletes the continuations of `original`, whose length fits 32 bits.
    pub fn new(original: &'text str) -> Self {
        let mut joined = String::new();
        let mut continuations = Vec::new();
        let mut copied = 0;
        let mut removed = 0;
        let bytes = original.as_bytes();
        for (start, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\\') {
            let Some(length) = continuation_length(bytes.get(start..).unwrap_or_default()) else {
                continue;
            };
            joined.push_str(original.get(copied..start).unwrap_or_default());
            copied = start + length;
            removed += offset(length);
            let original = Span::new(offset(start), offset(start + length));
            continuations.push(Continuation { original, logical: offset(joined.len()), removed });
        }
        if continuations.is_empty() {
            return Self { text: Cow::Borrowed(original), continuations, near: Cell::new(0) };
        }
        joined.push_str(original.get(copied..).unwrap_or_default());
        Self { text: Cow::Owned(joined), continuations, near: Cell::new(0) }
    }

    /// The text after removal.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was deleted, in order.
    pub fn continuations(&self) -> &[Continuation] {
        &self.continuations
    }

    /// The deleted continuations strictly inside or at the edges of a logical range.
    pub fn continuations_in(&self, logical: Range<u32>) -> &[Continuation] {
        let first =
            self.continuations.partition_point(|continuation| continuation.logical < logical.start);
        let last =
            self.continuations.partition_point(|continuation| continuation.logical <= logical.end);
        self.continuations.get(first..last).unwrap_or_default()
    }

    /// The original bytes of a logical range, without continuations at its edges.
    pub fn span(&self, logical: Range<u32>) -> Span {
        let before = self.count_before(logical.start);
        let start = logical.start + self.removed_by(before);
        if logical.is_empty() {
            return Span::empty(start);
        }
        // Most ranges hold no continuation, so the search for the end starts where the start was found.
        let inside = self.continuations.get(before..).unwrap_or_default().iter();
        let inside = inside.take_while(|piece| piece.logical < logical.end).count();
        Span::new(start, logical.end + self.removed_by(before + inside))
    }

    /// The original offset of the logical byte at `logical`: behind a continuation that is missing there.
    pub fn original_start(&self, logical: u32) -> u32 {
        logical
            + self.removed_by(self.continuations.partition_point(|piece| piece.logical <= logical))
    }

    /// The original offset one past the logical byte before `logical`: before a continuation that is missing there.
    pub fn original_end(&self, logical: u32) -> u32 {
        logical
            + self.removed_by(self.continuations.partition_point(|piece| piece.logical < logical))
    }

    /// Number of continuations that are missing at or before a logical offset.
    fn count_before(&self, logical: u32) -> usize {
        let is_count = |count: &usize| {
            let before = self.continuations.get(..*count).map(<[Continuation]>::last);
            let after = self.continuations.get(*count);
            before.is_some_and(|last| last.is_none_or(|piece| piece.logical <= logical))
                && after.is_none_or(|piece| piece.logical > logical)
        };
        let near = self.near.get();
        let count = [near, near + 1].into_iter().find(is_count);
        let search = || self.continuations.partition_point(|piece| piece.logical <= logical);
        let count = count.unwrap_or_else(search);
        self.near.set(count);
        count
    }

    fn removed_by(&self, count: usize) -> u32 {
        count
            .checked_sub(1)
            .and_then(|last| self.continuations.get(last))
            .map_or(0, |piece| piece.removed)
    }
}

/// Length of the continuation that `bytes`, beginning with a backslash, starts with.
fn continuation_length(bytes: &[u8]) -> Option<usize> {
    let blanks = bytes.iter().skip(1).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let end = 1 + blanks;
    match (bytes.get(end), bytes.get(end + 1)) {
        (None, _) => Some(end),
        (Some(b'\r'), Some(b'\n')) => Some(end + 2),
        (Some(b'\r' | b'\n'), _) => Some(end + 1),
        _ => None,
    }
}

/// Offsets fit: the parser refuses larger texts before it comes here.
fn offset(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::LogicalText;
    use crate::span::Span;
    use proptest::prelude::*;

    fn logical(text: &str) -> String {
        LogicalText::new(text).text().to_owned()
    }

    #[test]
    fn continuations_vanish_and_nothing_takes_their_place() {
        assert_eq!(logical("RUN a\\\nb"), "RUN ab");
        assert_eq!(logical("RUN a \\  \t\r\n  b"), "RUN a   b");
        assert_eq!(logical("RUN a\\\rb\\"), "RUN ab");
        assert_eq!(logical("RUN a \\\\\n b"), "RUN a \\ b");
        assert_eq!(logical("RUN a\\ b\\"), "RUN a\\ b");
    }

    #[test]
    fn spans_leave_continuations_at_their_edges_out() {
        let map = LogicalText::new("ab\\\ncd");
        assert_eq!(map.span(0..2), Span::new(0, 2));
        assert_eq!(map.span(2..4), Span::new(4, 6));
        assert_eq!(map.span(1..3), Span::new(1, 5));
        assert_eq!(map.span(2..2), Span::empty(4));
    }

    proptest! {
        #[test]
        fn every_logical_byte_maps_to_an_equal_original_byte(text in "[a\\\\ \t\r\n]{0,40}") {
            let map = LogicalText::new(&text);
            for (index, byte) in map.text().bytes().enumerate() {
                let at = map.original_start(index as u32) as usize;
                prop_assert_eq!(text.as_bytes()[at], byte);
                prop_assert_eq!(map.original_end(index as u32 + 1) as usize, at + 1);
                prop_assert_eq!(map.span(index as u32..index as u32 + 1).range(), at..at + 1);
            }
        }
    }
}
