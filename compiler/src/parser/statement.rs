//! One logical line whose keyword is known, seen as keyword, arguments and comment.

use crate::catalog::{DirectiveInfo, THEN_PREFIX};
use crate::lexer::Lexeme;
use crate::source_map::LogicalText;
use crate::token::TokenKind;
use std::ops::Range;

/// One token of the arguments, or the comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Argument<'text> {
    pub(super) kind: TokenKind,
    pub(super) text: &'text str,
    start: u32,
}

impl Argument<'_> {
    pub(super) const fn start(&self) -> u32 {
        self.start
    }

    pub(super) fn end(&self) -> u32 {
        self.start + offset(self.text.len())
    }

    /// Logical bytes.
    pub(super) fn range(&self) -> Range<u32> {
        self.start..self.end()
    }

    /// Some of its bytes, as logical bytes.
    pub(super) fn part(&self, inside: Range<usize>) -> Range<u32> {
        self.start + offset(inside.start)..self.start + offset(inside.end)
    }

    /// A part of it as an argument of its own.
    pub(super) fn cut(&self, inside: Range<usize>) -> Self {
        let start = self.part(inside.clone()).start;
        Argument { kind: self.kind, text: self.text.get(inside).unwrap_or_default(), start }
    }
}

/// Offsets fit: the parser refuses larger texts.
fn offset(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// One instruction before its arguments are understood.
#[derive(Debug)]
pub(super) struct Statement<'text> {
    pub(super) info: &'static DirectiveInfo,
    /// All tokens of the line.
    pub(super) lexemes: &'text [Lexeme],
    /// Logical bytes of the keyword, all its words.
    pub(super) keyword: Range<u32>,
    /// Logical bytes of the historical prefix and the blanks behind it.
    pub(super) then_prefix: Option<Range<u32>>,
    pub(super) arguments: Vec<Argument<'text>>,
    /// The comment behind the arguments.
    pub(super) comment: Option<Argument<'text>>,
}

impl<'text> Statement<'text> {
    pub(super) fn new(
        info: &'static DirectiveInfo,
        lexemes: &'text [Lexeme],
        logical: &'text LogicalText<'_>,
    ) -> Self {
        let mut statement = Statement {
            info,
            lexemes,
            keyword: 0..0,
            then_prefix: None,
            arguments: Vec::with_capacity(lexemes.len() / 2),
            comment: None,
        };
        for lexeme in lexemes {
            let text =
                logical.text().get(lexeme.start as usize..lexeme.end as usize).unwrap_or_default();
            statement.add(*lexeme, text);
        }
        statement
    }

    fn add(&mut self, lexeme: Lexeme, text: &'text str) {
        let argument = Argument { kind: lexeme.kind, text, start: lexeme.start };
        match lexeme.kind {
            TokenKind::Keyword if text == THEN_PREFIX => self.then_prefix = Some(lexeme.range()),
            TokenKind::Keyword if self.keyword.is_empty() => {
                self.keyword = lexeme.range();
                self.then_prefix = self.then_prefix.take().map(|prefix| prefix.start..lexeme.start);
            }
            TokenKind::Keyword => self.keyword.end = lexeme.end,
            TokenKind::Comment => self.comment = Some(argument),
            TokenKind::Text
            | TokenKind::Word
            | TokenKind::Name
            | TokenKind::Operator
            | TokenKind::Value
            | TokenKind::Connector
            | TokenKind::UnknownWord => self.arguments.push(argument),
            TokenKind::Blank
            | TokenKind::UnusualBlank
            | TokenKind::ByteOrderMark
            | TokenKind::LineEnd
            | TokenKind::Continuation => {}
        }
    }

    /// The keyword with one space between its words.
    pub(super) const fn name(&self) -> &'static str {
        self.info.keyword
    }

    /// Logical bytes from the keyword to the end of the last argument.
    pub(super) fn range(&self) -> Range<u32> {
        self.keyword.start..self.arguments.last().map_or(self.keyword.end, Argument::end)
    }

    /// Logical place right behind the last argument, where a missing one is missing.
    pub(super) fn end(&self) -> Range<u32> {
        let end = self.range().end;
        end..end
    }

    /// The blanks that end at `position`.
    pub(super) fn blank_before(&self, position: u32) -> Option<Lexeme> {
        self.lexemes
            .iter()
            .copied()
            .find(|lexeme| lexeme.end == position && lexeme.kind == TokenKind::Blank)
    }
}
