//! The formatter: one layout for every Layerfile, with the same comments and the same meaning.
//!
//! It works on tokens, so it never has to know what an instruction does. The text of commands is kept byte for byte,
//! because it is part of cache keys; only what continuation removal deletes may change inside it. Lines that an error
//! names are left as they are.
//!
//! Layout: keyword words joined by one space, one space between arguments, continued arguments indented by four
//! spaces, no blanks at line ends, `\n` as line end, at most one empty line in a row, none at the start, one line end
//! at the end, no byte order mark.

use crate::diagnostic::Severity;
use crate::lexer::{Head, Lexed, Lexeme, Line, lex};
use crate::limits::MAX_FILE_BYTES;
use crate::parser::parse;
use crate::source_map::LogicalText;
use crate::span::FileId;
use crate::token::TokenKind;
use std::collections::BTreeSet;
use std::ops::Range;

/// Between two arguments that stand on different lines.
const BREAK: &str = " \\\n    ";

/// The text in the one layout. A text above the size limit comes back unchanged.
pub fn format(text: &str) -> String {
    if text.len() > MAX_FILE_BYTES {
        return text.to_owned();
    }
    let text = without_mark(text);
    let logical = LogicalText::new(text);
    let lexed = lex(logical.text());
    let formatter = Formatter { original: text, logical: &logical, lexed: &lexed };
    let untouched = formatter.lines_with_errors();
    let mut page = Page::default();
    for (index, line) in lexed.lines.iter().enumerate() {
        let laid_out = formatter.laid_out(line).filter(|_| !untouched.contains(&index));
        let Some(laid_out) = laid_out else {
            page.line(&formatter.as_written(line));
            continue;
        };
        page.line(&laid_out);
        if formatter.ends_in_continuation(line) {
            page.line("");
        }
    }
    page.text
}

/// The text without byte order marks at its start, and without the empty lines before and between them.
fn without_mark(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        let behind = rest.strip_prefix('\\').map(|behind| behind.trim_start_matches([' ', '\t']));
        match behind.filter(|behind| behind.starts_with(['\r', '\n'])) {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    let start = text.len() - rest.len();
    if text.get(..start).is_some_and(|start| start.contains('\u{feff}')) { rest } else { text }
}

/// The text so far; decides about empty lines.
#[derive(Debug, Default)]
struct Page {
    text: String,
    gap: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.gap = true;
            return;
        }
        if self.gap && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.gap = false;
        self.text.push_str(line);
        self.text.push('\n');
    }
}

struct Formatter<'text> {
    original: &'text str,
    logical: &'text LogicalText<'text>,
    lexed: &'text Lexed,
}

impl Formatter<'_> {
    /// The lines that an error stands in or refers to.
    fn lines_with_errors(&self) -> BTreeSet<usize> {
        let diagnostics = parse(FileId::new(0), self.original).diagnostics;
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let spans = errors
            .flat_map(|error| error.related.iter().chain([&error.primary]))
            .map(|label| label.span);
        let starts: Vec<u32> =
            self.lexed.lines.iter().map(|line| self.original_range(line).start).collect();
        let line_of =
            |offset: u32| starts.partition_point(|start| *start <= offset).saturating_sub(1);
        spans.flat_map(|span| line_of(span.start())..=line_of(span.end())).collect()
    }

    /// The original bytes of a line, continuations at its end included, its line end not.
    fn original_range(&self, line: &Line) -> Range<u32> {
        let range = self.lexed.range(line);
        let start = if range.start == 0 { 0 } else { self.logical.original_end(range.start) };
        start..self.logical.original_start(range.end)
    }

    fn as_written(&self, line: &Line) -> String {
        let range = self.original_range(line);
        let text = self.original.get(range.start as usize..range.end as usize).unwrap_or_default();
        if self.ends_in_continuation(line) {
            // Its line end must not meet the one that follows, nor be missing at the end of the file.
            return format!("{}\n", text.trim_end_matches(['\r', '\n']));
        }
        text.to_owned()
    }

    /// `None` for a line that must stay as written.
    fn laid_out(&self, line: &Line) -> Option<String> {
        let laid_out = match line.head {
            Head::Unknown => return None,
            Head::Directive(_) => self.instruction(line),
            Head::Nothing => self.comment(line),
        };
        // Without the blanks or the second backslash behind it, this one would continue the line.
        (!laid_out.ends_with('\\')).then_some(laid_out)
    }

    fn comment(&self, line: &Line) -> String {
        let comment = self.lexed.line(line).iter().find(|lexeme| lexeme.kind == TokenKind::Comment);
        comment.map_or(String::new(), |comment| self.token(*comment).trim_end().to_owned())
    }

    fn instruction(&self, line: &Line) -> String {
        let mut text = String::new();
        let mut blank = None;
        for lexeme in self.lexed.line(line) {
            match lexeme.kind {
                TokenKind::Blank => blank = Some(*lexeme),
                TokenKind::ByteOrderMark => {}
                kind => {
                    if let Some(blank) = blank.take().filter(|_| !text.is_empty()) {
                        text.push_str(&self.gap(blank, kind));
                    }
                    text.push_str(&self.token(*lexeme));
                }
            }
        }
        text.trim_end_matches([' ', '\t']).to_owned()
    }

    /// What stands for a blank before a token.
    fn gap(&self, blank: Lexeme, next: TokenKind) -> String {
        let Some(last) = self.logical.continuations_in(blank.range()).last() else {
            return " ".to_owned();
        };
        if next != TokenKind::Text {
            return if next == TokenKind::Keyword { " ".to_owned() } else { BREAK.to_owned() };
        }
        // The lines below are part of the command and keep their indentation, so its first line does too.
        let indentation =
            self.logical.text().get(last.logical as usize..blank.end as usize).unwrap_or_default();
        format!(" \\\n{indentation}")
    }

    /// A token as written, but for blanks and carriage returns inside its continuations.
    fn token(&self, lexeme: Lexeme) -> String {
        let span = self.logical.span(lexeme.range());
        let inside = lexeme.start + 1..lexeme.end.saturating_sub(1);
        let pieces =
            if lexeme.end - lexeme.start < 2 { &[] } else { self.logical.continuations_in(inside) };
        let is_keyword = lexeme.kind == TokenKind::Keyword;
        let mut text = String::new();
        let mut position = span.start();
        for piece in pieces {
            text.push_str(
                self.original
                    .get(position as usize..piece.original.start() as usize)
                    .unwrap_or_default(),
            );
            text.push_str(if is_keyword { "" } else { "\\\n" });
            position = piece.original.end();
        }
        text.push_str(
            self.original.get(position as usize..span.end() as usize).unwrap_or_default(),
        );
        if lexeme.kind == TokenKind::Comment { without_empty_lines(&text).to_owned() } else { text }
    }

    /// Whether a line continues onto nothing, which reads like an empty line behind it.
    fn ends_in_continuation(&self, line: &Line) -> bool {
        let range = self.lexed.range(line);
        self.logical.original_end(range.end) != self.logical.original_start(range.end)
    }
}

/// A comment without lines at its end that hold nothing but the continuation that joins them.
fn without_empty_lines(comment: &str) -> &str {
    let mut text = comment.trim_end_matches([' ', '\t']);
    while let Some(rest) = text.strip_suffix("\\\n") {
        text = rest.trim_end_matches([' ', '\t']);
    }
    text
}

#[cfg(test)]
mod tests;
