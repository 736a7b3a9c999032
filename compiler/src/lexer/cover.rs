//! Logical tokens to original ones: continuations between tokens become tokens of their own.
//!
//! A continuation inside a token belongs to that token, so that a keyword broken over two lines is still one keyword.

use super::Lexeme;
use crate::source_map::LogicalText;
use crate::span::Span;
use crate::token::{Token, TokenKind};

/// The tokens of a whole file in original coordinates.
pub(crate) fn cover(lexemes: &[Lexeme], logical: &LogicalText<'_>) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(lexemes.len() + logical.continuations().len());
    let mut continuations = logical.continuations().iter().peekable();
    let mut removed = 0;
    for lexeme in lexemes {
        while let Some(piece) = continuations.next_if(|piece| piece.logical <= lexeme.start) {
            tokens.push(Token { kind: TokenKind::Continuation, span: piece.original });
            removed += piece.original.len();
        }
        let start = lexeme.start + removed;
        while let Some(piece) = continuations.next_if(|piece| piece.logical < lexeme.end) {
            removed += piece.original.len();
        }
        tokens.push(Token { kind: lexeme.kind, span: Span::new(start, lexeme.end + removed) });
    }
    tokens.extend(
        continuations.map(|piece| Token { kind: TokenKind::Continuation, span: piece.original }),
    );
    tokens
}
