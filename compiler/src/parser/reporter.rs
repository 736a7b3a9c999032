//! Where the parser's findings go, and how a place in the logical text becomes a place in the original.

use crate::diagnostic::{Applicability, Diagnostic};
use crate::directive::Word;
use crate::limits::MAX_DIAGNOSTICS_PER_FILE;
use crate::rules::Rule;
use crate::source_map::LogicalText;
use crate::span::{FileId, Span, Spanned};
use std::ops::Range;

/// The findings of one file.
pub(super) struct Reporter<'text> {
    file: FileId,
    original: &'text str,
    logical: &'text LogicalText<'text>,
    diagnostics: Vec<Diagnostic>,
}

impl<'text> Reporter<'text> {
    pub(super) const fn new(
        file: FileId,
        original: &'text str,
        logical: &'text LogicalText<'text>,
    ) -> Self {
        Self { file, original, logical, diagnostics: Vec::new() }
    }

    pub(super) const fn file(&self) -> FileId {
        self.file
    }

    /// The text as written.
    pub(super) const fn original(&self) -> &'text str {
        self.original
    }

    /// The text without continuations.
    pub(super) const fn logical(&self) -> &'text LogicalText<'text> {
        self.logical
    }

    /// The original bytes of a logical range.
    pub(super) fn span(&self, range: Range<u32>) -> Span {
        self.logical.span(range)
    }

    /// A word at a logical range.
    pub(super) fn word(&self, text: &str, range: Range<u32>) -> Word {
        Spanned::new(text.to_owned(), self.span(range))
    }

    /// A finding at a logical range, not reported yet.
    pub(super) fn at(
        &self,
        rule: &Rule,
        range: Range<u32>,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.at_span(rule, self.span(range), message)
    }

    /// A finding at original bytes, not reported yet.
    pub(super) fn at_span(
        &self,
        rule: &Rule,
        span: Span,
        message: impl Into<String>,
    ) -> Diagnostic {
        rule.at(self.file, span, message)
    }

    /// Whether further findings are dropped, so that nobody needs to look for them.
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.len() >= MAX_DIAGNOSTICS_PER_FILE
    }

    /// Reports a finding.
    pub(super) fn say(&mut self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.diagnostics.push(diagnostic);
        }
    }

    /// The findings by place.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|diagnostic| (diagnostic.primary.span, diagnostic.code));
        self.diagnostics
    }
}

/// Fixes in the parser's terms.
pub(super) trait WithFix {
    /// Offers a replacement that keeps what the author plainly meant.
    #[must_use]
    fn safely(self, title: &str, span: Span, replacement: impl Into<String>) -> Self;

    /// Offers a replacement that a person should look at.
    #[must_use]
    fn perhaps(self, title: &str, span: Span, replacement: impl Into<String>) -> Self;
}

impl WithFix for Diagnostic {
    fn safely(self, title: &str, span: Span, replacement: impl Into<String>) -> Self {
        self.with_fix(title, Applicability::Safe, span, replacement)
    }

    fn perhaps(self, title: &str, span: Span, replacement: impl Into<String>) -> Self {
        self.with_fix(title, Applicability::Suggestion, span, replacement)
    }
}
