//! Tokens: what each byte of a file is. Together they cover the whole text, in order, without gaps.
//!
//! A token says what its bytes are for, never whether they make sense; that is the parser's business.

use crate::span::Span;

/// What the bytes of a token are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// Spaces and tabs.
    Blank,
    /// `\n`, `\r\n` or a lone `\r`.
    LineEnd,
    /// A backslash with the line end that it removes, where it stands between other tokens.
    Continuation,
    /// The mark some editors put at the start of a file.
    ByteOrderMark,
    /// A character that looks like a blank and isn't one.
    UnusualBlank,
    /// From `#` to the end of the logical line.
    Comment,
    /// A word of a directive's keyword, or the historical prefix `THEN`.
    Keyword,
    /// A word where a keyword should be.
    UnknownWord,
    /// The text of FROM, RUN and BUTTON.
    Text,
    /// One word of a list of arguments.
    Word,
    /// The name of an assignment or a condition.
    Name,
    /// `=` and its relatives.
    Operator,
    /// The value of an assignment or a condition.
    Value,
    /// `AND` in a condition.
    Connector,
}

/// Some bytes of a file and what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    /// What they are.
    pub kind: TokenKind,
    /// Where they are in the original text.
    pub span: Span,
}
