//! Logical text to tokens: which bytes are keyword, argument, comment or blank.
//!
//! The language is modal: what follows a keyword is cut as its catalogue row says, up to the end of the logical line.
//! Every byte ends up in exactly one token. The lexer judges nothing and knows no diagnostics.

mod cover;
mod modes;

use crate::catalog::{ArgumentShape, DirectiveInfo, THEN_PREFIX, keyword_at};
use crate::token::TokenKind;
use logos::Logos;
use modes::LineStart;
use std::ops::Range;

pub(crate) use cover::cover;
pub(crate) use modes::{closing_parenthesis, is_unusual_blank};

/// A token of the logical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lexeme {
    pub(crate) kind: TokenKind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Lexeme {
    pub(crate) const fn range(self) -> Range<u32> {
        self.start..self.end
    }
}

/// What a logical line starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Nothing but blanks and comments.
    Nothing,
    /// A keyword of the language.
    Directive(&'static DirectiveInfo),
    /// Another word.
    Unknown,
}

/// One logical line: its tokens without the line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) head: Head,
    /// Into [`Lexed::lexemes`].
    pub(crate) lexemes: Range<usize>,
}

/// A text cut into tokens and lines.
#[derive(Debug, Default)]
pub(crate) struct Lexed {
    pub(crate) lexemes: Vec<Lexeme>,
    pub(crate) lines: Vec<Line>,
}

impl Lexed {
    /// Room for what a text of this length usually holds.
    fn for_length(bytes: usize) -> Self {
        Self {
            lexemes: Vec::with_capacity(bytes / 5 + 8),
            lines: Vec::with_capacity(bytes / 24 + 2),
        }
    }

    /// The tokens of a line.
    pub(crate) fn line(&self, line: &Line) -> &[Lexeme] {
        self.lexemes.get(line.lexemes.clone()).unwrap_or_default()
    }

    /// The logical bytes of a line without its line end.
    pub(crate) fn range(&self, line: &Line) -> Range<u32> {
        let before = line.lexemes.start.checked_sub(1).and_then(|index| self.lexemes.get(index));
        let start = before.map_or(0, |lexeme| lexeme.end);
        start..self.line(line).last().map_or(start, |lexeme| lexeme.end)
    }

    /// The index of the line that holds logical byte `offset` or ends there.
    pub(crate) fn line_at(&self, offset: u32) -> Option<usize> {
        self.lines.partition_point(|line| self.range(line).start <= offset).checked_sub(1)
    }

    /// The last token that starts before `offset`.
    pub(crate) fn lexeme_before(&self, offset: u32) -> Option<&Lexeme> {
        let count = self.lexemes.partition_point(|lexeme| lexeme.start < offset);
        self.lexemes.get(count.checked_sub(1)?)
    }
}

/// Cuts `text`, whose length fits 32 bits.
pub(crate) fn lex(text: &str) -> Lexed {
    let mut cutter =
        Cutter { text, lexed: Lexed::for_length(text.len()), line_start: 0, head: Head::Nothing };
    let mut lexer = LineStart::lexer(text);
    while let Some(token) = lexer.next() {
        let span = lexer.span();
        match token {
            Ok(LineStart::Word) => {
                let end =
                    span.start + line_length(lexer.source().get(span.start..).unwrap_or_default());
                cutter.instruction(span.start, end);
                lexer.bump(end - span.end);
            }
            Ok(LineStart::LineEnd) => cutter.line_end(span),
            Ok(LineStart::Blank) => cutter.push(TokenKind::Blank, span),
            Ok(LineStart::Comment) => cutter.push(TokenKind::Comment, span),
            Ok(LineStart::ByteOrderMark) if span.start == 0 => {
                cutter.push(TokenKind::ByteOrderMark, span);
            }
            Ok(LineStart::UnusualBlank | LineStart::ByteOrderMark) => {
                cutter.push(TokenKind::UnusualBlank, span);
            }
            Err(()) => cutter.push(TokenKind::UnknownWord, span),
        }
    }
    cutter.finish_line();
    cutter.lexed
}

/// Bytes up to the end of the first line.
fn line_length(text: &str) -> usize {
    text.bytes().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len())
}

struct Cutter<'text> {
    text: &'text str,
    lexed: Lexed,
    line_start: usize,
    head: Head,
}

impl Cutter<'_> {
    fn push(&mut self, kind: TokenKind, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let offset = |index| u32::try_from(index).unwrap_or(u32::MAX);
        self.lexed.lexemes.push(Lexeme {
            kind,
            start: offset(range.start),
            end: offset(range.end),
        });
    }

    fn line_end(&mut self, range: Range<usize>) {
        self.finish_line();
        self.push(TokenKind::LineEnd, range);
        self.line_start = self.lexed.lexemes.len();
    }

    fn finish_line(&mut self) {
        let lexemes = self.line_start..self.lexed.lexemes.len();
        self.lexed.lines.push(Line { head: self.head, lexemes });
        self.head = Head::Nothing;
    }

    /// From the first word of an instruction to the end of its line.
    fn instruction(&mut self, start: usize, end: usize) {
        let start = self.then_prefix(start, end);
        let line = self.text.get(start..end).unwrap_or_default();
        let Some((info, words)) = keyword_at(line) else {
            self.unknown(start, end);
            return;
        };
        let mut position = 0;
        for word in words.ranges() {
            self.push(TokenKind::Blank, start + position..start + word.start);
            self.push(TokenKind::Keyword, start + word.start..start + word.end);
            position = word.end;
        }
        self.head = Head::Directive(info);
        self.arguments(info.shape, start + position, end);
    }

    /// Steps over the historical `THEN` and the blanks behind it.
    fn then_prefix(&mut self, start: usize, end: usize) -> usize {
        let line = self.text.get(start..end).unwrap_or_default();
        let Some(rest) = line.strip_prefix(THEN_PREFIX) else { return start };
        let instruction = rest.trim_start_matches([' ', '\t']);
        if instruction.len() == rest.len() || instruction.is_empty() {
            return start;
        }
        let blanks_start = start + THEN_PREFIX.len();
        self.push(TokenKind::Keyword, start..blanks_start);
        self.push(TokenKind::Blank, blanks_start..end - instruction.len());
        end - instruction.len()
    }

    fn unknown(&mut self, start: usize, end: usize) {
        let line = self.text.get(start..end).unwrap_or_default();
        let word = line.find(|character| {
            matches!(character, ' ' | '\t') || modes::is_unusual_blank(character)
        });
        let word_end = start + word.unwrap_or(line.len());
        self.push(TokenKind::UnknownWord, start..word_end);
        self.head = Head::Unknown;
        self.arguments(ArgumentShape::Words, word_end, end);
    }

    fn arguments(&mut self, shape: ArgumentShape, start: usize, end: usize) {
        let rest = self.text.get(start..end).unwrap_or_default();
        modes::cut(shape, rest, |kind, range| {
            self.push(kind, start + range.start..start + range.end);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{cover, lex};
    use crate::random_text::layerfile_like;
    use crate::source_map::LogicalText;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    /// The tokens of `text`, one `kind text` per line.
    fn tokens(text: &str) -> String {
        let logical = LogicalText::new(text);
        let mut shown = String::new();
        for token in cover(&lex(logical.text()).lexemes, &logical) {
            writeln!(shown, "{:?} {:?}", token.kind, &text[token.span.range()]).unwrap();
        }
        shown
    }

    #[test]
    fn keywords_of_several_words_and_continuations_inside_them() {
        insta::assert_snapshot!(tokens("  BUILD\t ENV A #b\nRU\\\nN a # b \\\n c \n"), @r##"
        Blank "  "
        Keyword "BUILD"
        Blank "\t "
        Keyword "ENV"
        Blank " "
        Word "A"
        Blank " "
        Comment "#b"
        LineEnd "\n"
        Keyword "RU\\\nN"
        Blank " "
        Text "a # b \\\n c"
        Blank " "
        LineEnd "\n"
        "##);
    }

    #[test]
    fn assignments_and_conditions() {
        insta::assert_snapshot!(tokens("ENV A=\"b c\" D=$(e $(f)) g\nSKIP REMAINING IF A != ~x AND B=~'y z'"), @r#"
        Keyword "ENV"
        Blank " "
        Name "A"
        Operator "="
        Value "\"b c\""
        Blank " "
        Name "D"
        Operator "="
        Value "$(e $(f))"
        Blank " "
        Word "g"
        LineEnd "\n"
        Keyword "SKIP"
        Blank " "
        Keyword "REMAINING"
        Blank " "
        Keyword "IF"
        Blank " "
        Name "A"
        Blank " "
        Operator "!="
        Blank " "
        Value "~x"
        Blank " "
        Connector "AND"
        Blank " "
        Name "B"
        Operator "=~"
        Value "'y z'"
        "#);
    }

    fn check_cover(text: &str) {
        let logical = LogicalText::new(text);
        let mut position = 0;
        for token in cover(&lex(logical.text()).lexemes, &logical) {
            assert_eq!(token.span.start(), position, "gap or overlap in {text:?}");
            assert!(!token.span.is_empty(), "empty token in {text:?}");
            position = token.span.end();
        }
        assert_eq!(position as usize, text.len(), "tokens stop early in {text:?}");
    }

    proptest! {
        #[test]
        fn tokens_cover_any_text(text in any::<String>()) {
            check_cover(&text);
        }

        #[test]
        fn tokens_cover_any_text_of_the_language(text in layerfile_like(24)) {
            check_cover(&text);
        }
    }
}
