//! The token grammars of the modes, and how each cuts the arguments of a line.
//!
//! The only place that knows the lexer library.

use crate::catalog::ArgumentShape;
use crate::token::TokenKind;
use logos::{Lexer, Logos};
use std::ops::Range;

/// Where an instruction may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Logos)]
pub(super) enum LineStart {
    #[regex(r"[ \t]+")]
    Blank,
    #[regex(r"\r\n|\r|\n")]
    LineEnd,
    #[regex(r"#[^\r\n]*", allow_greedy = true)]
    Comment,
    #[token("\u{feff}")]
    ByteOrderMark,
    #[regex(r"[\u{a0}\u{1680}\u{2000}-\u{200b}\u{202f}\u{205f}\u{3000}]+")]
    UnusualBlank,
    /// One byte is enough: the cutter takes over from here.
    #[regex(r"[^ \t\r\n#\u{feff}\u{a0}\u{1680}\u{2000}-\u{200b}\u{202f}\u{205f}\u{3000}]")]
    Word,
}

/// Characters that look like a blank and separate nothing (those of [`LineStart::UnusualBlank`]).
pub(crate) fn is_unusual_blank(character: char) -> bool {
    matches!(
        character,
        '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

/// Arguments without quoting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Logos)]
enum Plain {
    #[regex(r"[ \t]+")]
    Blank,
    #[regex(r"#[^\r\n]*", allow_greedy = true)]
    Comment,
    #[regex(r"[^ \t\r\n#][^ \t\r\n]*")]
    Word,
}

/// Arguments of CLONE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Logos)]
enum CloneWord {
    #[regex(r"[ \t]+")]
    Blank,
    #[regex(r"#[^\r\n]*", allow_greedy = true)]
    Comment,
    #[regex(r"[^ \t\r\n#][^ \t\r\n]*")]
    #[regex(r#"DEFAULT="[^"\r\n]*""#, priority = 50)]
    #[regex(r"DEFAULT='[^'\r\n]*'", priority = 50)]
    Word,
}

/// Command substitutions of one ENV that may lack their closing parenthesis before the search for it is given up.
/// Each such search reads the rest of the line.
const MAX_OPEN_SUBSTITUTIONS: u32 = 16;

/// Between the assignments of ENV. The extra counts command substitutions that were not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Logos)]
#[logos(extras = u32)]
enum Assignment {
    #[regex(r"[ \t]+")]
    Blank,
    #[regex(r"#[^\r\n]*", allow_greedy = true)]
    Comment,
    /// A name with its `=`, or a lone `=`.
    #[regex(r"([^ \t\r\n#=][^ \t\r\n=]*)?=")]
    Name,
    #[regex(r"[^ \t\r\n#=][^ \t\r\n=]*")]
    Word,
}

/// Behind the `=` of an assignment. The longest match wins, so quotes in the middle of a value group nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Logos)]
#[logos(extras = u32)]
enum AssignedValue {
    #[regex(r"[ \t]+")]
    Blank,
    #[regex(r#""([^"\\\r\n]|\\[^\r\n])*""#)]
    #[regex(r"'[^'\r\n]*'")]
    #[regex(r"`([^`\\\r\n]|\\[^\r\n])*`")]
    #[regex(r"([^ \t\r\n$]|\$[^( \t\r\n])[^ \t\r\n]*")]
    #[token("$")]
    Value,
    #[token("$(", substitution, priority = 100)]
    Substitution,
}

/// `NAME operator`, or `AND`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Logos)]
enum Condition {
    #[regex(r"[ \t]+")]
    Blank,
    #[regex(r"#[^\r\n]*", allow_greedy = true)]
    Comment,
    #[token("AND")]
    Connector,
    #[regex(r"[0-9A-Za-z_-]+")]
    Name,
    #[regex(r"!?=~?")]
    Operator,
    #[regex(r"[^ \t\r\n#=!0-9A-Za-z_-][^ \t\r\n=!]*")]
    #[token("!")]
    Other,
}

/// Behind the operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Logos)]
enum ComparedValue {
    #[regex(r"[ \t]+")]
    Blank,
    #[regex(r"#[^\r\n]*", allow_greedy = true)]
    Comment,
    #[regex(r#""[^"\r\n]*""#)]
    #[regex(r"'[^'\r\n]*'")]
    #[regex(r"[^ \t\r\n#][^ \t\r\n]*")]
    Value,
}

/// Takes a command substitution up to its matching parenthesis and any word that sticks to it.
/// Without one, takes the word.
fn substitution(lexer: &mut Lexer<'_, AssignedValue>) {
    let rest = lexer.remainder();
    let word = |from: usize| {
        from + rest.get(from..).map_or(0, |tail| tail.find([' ', '\t']).unwrap_or(tail.len()))
    };
    let is_searched = lexer.extras < MAX_OPEN_SUBSTITUTIONS;
    let close = is_searched.then(|| closing_parenthesis(rest)).flatten();
    let end = close.map_or_else(|| word(0), |close| word(close + 1));
    lexer.extras += u32::from(close.is_none() && is_searched);
    lexer.bump(end);
}

/// The parenthesis that closes the one before `text`; quotes and backslashes hide parentheses.
pub(crate) fn closing_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 1_usize;
    let mut quote = None;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match (byte, quote) {
            _ if escaped => escaped = false,
            (b'\\', None | Some(b'"')) => escaped = true,
            (b'"' | b'\'', None) => quote = Some(byte),
            (_, Some(open)) if open == byte => quote = None,
            (b'(', None) => depth += 1,
            (b')', None) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

/// Cuts `rest`, the part of a logical line behind its keyword, into tokens that cover it.
pub(super) fn cut(shape: ArgumentShape, rest: &str, mut push: impl FnMut(TokenKind, Range<usize>)) {
    match shape {
        ArgumentShape::Text => cut_text(rest, push),
        ArgumentShape::Words => cut_words(Plain::lexer(rest), push, |token| match token {
            Plain::Blank => TokenKind::Blank,
            Plain::Comment => TokenKind::Comment,
            Plain::Word => TokenKind::Word,
        }),
        ArgumentShape::CloneWords => cut_words(CloneWord::lexer(rest), push, |token| match token {
            CloneWord::Blank => TokenKind::Blank,
            CloneWord::Comment => TokenKind::Comment,
            CloneWord::Word => TokenKind::Word,
        }),
        ArgumentShape::Assignments => cut_assignments(rest, &mut push),
        ArgumentShape::Conditions => cut_conditions(rest, &mut push),
    }
}

/// Blanks, the trimmed text, blanks.
fn cut_text(rest: &str, mut push: impl FnMut(TokenKind, Range<usize>)) {
    let start = rest.len() - rest.trim_start().len();
    let end = start + rest.trim().len();
    push(TokenKind::Blank, 0..start);
    push(TokenKind::Text, start..end);
    push(TokenKind::Blank, end..rest.len());
}

fn cut_words<'text, Mode>(
    mut lexer: Lexer<'text, Mode>,
    mut push: impl FnMut(TokenKind, Range<usize>),
    kind: impl Fn(Mode) -> TokenKind,
) where
    Mode: Logos<'text, Source = str>,
{
    while let Some(token) = lexer.next() {
        push(token.map_or(TokenKind::Word, &kind), lexer.span());
    }
}

fn cut_assignments(rest: &str, push: &mut impl FnMut(TokenKind, Range<usize>)) {
    let mut lexer = Assignment::lexer(rest);
    while let Some(token) = lexer.next() {
        let span = lexer.span();
        match token {
            Ok(Assignment::Name) => {
                push(TokenKind::Name, span.start..span.end - 1);
                push(TokenKind::Operator, span.end - 1..span.end);
                let mut value = lexer.morph::<AssignedValue>();
                if let Some(token) = value.next() {
                    let kind = if token == Ok(AssignedValue::Blank) {
                        TokenKind::Blank
                    } else {
                        TokenKind::Value
                    };
                    push(kind, value.span());
                }
                lexer = value.morph();
            }
            Ok(Assignment::Blank) => push(TokenKind::Blank, span),
            Ok(Assignment::Comment) => push(TokenKind::Comment, span),
            Ok(Assignment::Word) | Err(()) => push(TokenKind::Word, span),
        }
    }
}

fn cut_conditions(rest: &str, push: &mut impl FnMut(TokenKind, Range<usize>)) {
    let mut lexer = Condition::lexer(rest);
    while let Some(token) = lexer.next() {
        match token {
            Ok(Condition::Operator) => {
                push(TokenKind::Operator, lexer.span());
                let mut value = lexer.morph::<ComparedValue>();
                cut_compared_value(&mut value, push);
                lexer = value.morph();
            }
            Ok(Condition::Blank) => push(TokenKind::Blank, lexer.span()),
            Ok(Condition::Comment) => push(TokenKind::Comment, lexer.span()),
            Ok(Condition::Connector) => push(TokenKind::Connector, lexer.span()),
            Ok(Condition::Name) => push(TokenKind::Name, lexer.span()),
            Ok(Condition::Other) | Err(()) => push(TokenKind::Word, lexer.span()),
        }
    }
}

/// Blanks and the value behind an operator.
fn cut_compared_value(
    value: &mut Lexer<'_, ComparedValue>,
    push: &mut impl FnMut(TokenKind, Range<usize>),
) {
    while let Some(token) = value.next() {
        match token {
            Ok(ComparedValue::Blank) => push(TokenKind::Blank, value.span()),
            Ok(ComparedValue::Comment) => push(TokenKind::Comment, value.span()),
            Ok(ComparedValue::Value) | Err(()) => {
                push(TokenKind::Value, value.span());
                return;
            }
        }
    }
}
