//! Findings about characters and line ends, wherever they stand.

use super::reporter::{Reporter, WithFix};
use crate::lexer::{Head, Lexed, Lexeme};
use crate::rules;
use crate::source_map::Continuation;
use crate::span::Span;
use crate::token::TokenKind;
use std::ops::Range;

/// Reports odd characters and continuations that do not do what they seem to do.
pub(super) fn check(lexed: &Lexed, reporter: &mut Reporter<'_>) {
    nul_characters(reporter);
    for lexeme in &lexed.lexemes {
        match lexeme.kind {
            TokenKind::ByteOrderMark => byte_order_mark(*lexeme, reporter),
            TokenKind::UnusualBlank => unusual_blank_token(*lexeme, reporter),
            TokenKind::Comment => swallowing_comment(*lexeme, reporter),
            _ => {}
        }
    }
    for piece in reporter.logical().continuations() {
        doubled_backslash(*piece, reporter);
        dangling(*piece, lexed, reporter);
    }
}

fn nul_characters(reporter: &mut Reporter<'_>) {
    let text = reporter.original();
    let mut position = 0;
    while let Some(found) = text.get(position..).and_then(|rest| rest.find('\0')) {
        let start = position + found;
        let length = text.bytes().skip(start).take_while(|byte| *byte == 0).count();
        position = start + length;
        let span = Span::new(offset(start), offset(position));
        let diagnostic =
            reporter.at_span(&rules::NUL_CHARACTER, span, "a NUL character stands in this file");
        let help = "a Layerfile is text in UTF-8; save it in that encoding";
        reporter.say(diagnostic.with_help(help).perhaps("delete it", span, ""));
    }
}

fn offset(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn byte_order_mark(lexeme: Lexeme, reporter: &mut Reporter<'_>) {
    let span = reporter.span(lexeme.range());
    let diagnostic =
        reporter.at_span(&rules::BYTE_ORDER_MARK, span, "the file starts with a byte order mark");
    let help = "it has no use in UTF-8, and the vendor's parser rejects it";
    reporter.say(diagnostic.with_help(help).safely("delete it", span, ""));
}

fn unusual_blank_token(lexeme: Lexeme, reporter: &mut Reporter<'_>) {
    let text = reporter
        .logical()
        .text()
        .get(lexeme.start as usize..lexeme.end as usize)
        .unwrap_or_default();
    let character = text.chars().next().unwrap_or(' ');
    report_unusual_blank(lexeme.range(), character, reporter);
}

/// Says which character it is and offers a space instead.
pub(super) fn report_unusual_blank(
    range: Range<u32>,
    character: char,
    reporter: &mut Reporter<'_>,
) {
    let name = match character {
        '\u{a0}' => "a no-break space",
        '\u{3000}' => "a full-width space",
        '\u{200b}' => "a zero-width space",
        '\u{feff}' => "a byte order mark",
        _ => "an unusual space",
    };
    let span = reporter.span(range);
    let message = format!("{name} (U+{:04X}) separates nothing", u32::from(character));
    let diagnostic = reporter.at_span(&rules::UNUSUAL_BLANK, span, message);
    let diagnostic = diagnostic.with_help("only spaces and tabs separate words");
    reporter.say(match character {
        '\u{200b}' | '\u{feff}' => diagnostic.safely("delete it", span, ""),
        _ => diagnostic.safely("write an ordinary space", span, " "),
    });
}

/// `\\` at the end of a line: the first backslash stays in the text.
fn doubled_backslash(piece: Continuation, reporter: &mut Reporter<'_>) {
    let start = piece.original.start();
    let before = reporter.original().get(..start as usize).unwrap_or_default();
    if !before.ends_with('\\') {
        return;
    }
    let first = Span::new(start - 1, start);
    let span = Span::new(start - 1, start + 1);
    let message =
        "only the second of these backslashes continues the line; the first stays in the text";
    let diagnostic = reporter.at_span(&rules::DOUBLED_BACKSLASH, span, message);
    let help = "end the line with a single backslash";
    reporter.say(diagnostic.with_help(help).safely("delete one backslash", first, ""));
}

/// A comment that goes on over a line that was meant to be something else.
fn swallowing_comment(comment: Lexeme, reporter: &mut Reporter<'_>) {
    for piece in reporter.logical().continuations_in(comment.start + 1..comment.end) {
        let swallowed = physical_line(piece.original.end(), reporter);
        let text = reporter.original().get(swallowed.range()).unwrap_or_default().trim();
        if piece.logical >= comment.end || text.is_empty() || text.starts_with('#') {
            continue;
        }
        let backslash = Span::new(piece.original.start(), piece.original.start() + 1);
        let message = "this backslash makes the next line part of the comment";
        let file = reporter.file();
        let diagnostic = reporter
            .at_span(&rules::COMMENT_SWALLOWS_LINE, backslash, message)
            .with_related(file, swallowed, "this line is not read")
            .with_help("delete the backslash if the next line is meant to count");
        reporter.say(diagnostic.perhaps("delete the backslash", backslash, ""));
        return;
    }
}

/// The rest of the line that starts at original byte `start`, without its line end.
fn physical_line(start: u32, reporter: &Reporter<'_>) -> Span {
    let rest = reporter.original().get(start as usize..).unwrap_or_default();
    let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
    Span::new(start, start + offset(length))
}

/// Whether nothing but blanks follows a continuation on its next line.
pub(super) fn continues_onto_nothing(piece: Continuation, reporter: &Reporter<'_>) -> bool {
    let next = physical_line(piece.original.end(), reporter);
    reporter.original().get(next.range()).unwrap_or_default().trim_matches([' ', '\t']).is_empty()
}

fn dangling(piece: Continuation, lexed: &Lexed, reporter: &mut Reporter<'_>) {
    if !continues_onto_nothing(piece, reporter) {
        return;
    }
    let Some(index) = lexed.line_at(piece.logical) else { return };
    let line = lexed.lines.get(index);
    let is_instruction = line.is_some_and(|line| matches!(line.head, Head::Directive(_)));
    let token = lexed.lexeme_before(piece.logical);
    if !is_instruction || token.is_some_and(|token| token.kind == TokenKind::Comment) {
        return;
    }
    let following = lexed.lines.get(index + 1..).unwrap_or_default();
    let next = following.iter().map(|line| line.head).find(|head| *head != Head::Nothing);
    if next == Some(Head::Unknown) {
        return; // What is said about the unknown line says it all.
    }
    let backslash = Span::new(piece.original.start(), piece.original.start() + 1);
    let message = "this backslash continues onto an empty line, so the instruction ends here";
    let diagnostic = reporter.at_span(&rules::DANGLING_CONTINUATION, backslash, message);
    let help = "delete the backslash, or the empty line behind it";
    reporter.say(diagnostic.with_help(help).safely("delete the backslash", backslash, ""));
}
