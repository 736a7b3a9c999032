//! Text to directives: never fails, never loses a line, says everything it has to say as diagnostics.
//!
//! Each logical line stands alone: an error in one cannot swallow the next. Knows one file; what its names refer to
//! is settled by linking.

mod arguments;
mod file_rules;
mod heads;
mod layout;
mod reporter;
mod shell;
mod statement;

use crate::diagnostic::Diagnostic;
use crate::directive::Directive;
use crate::lexer::{Head, Lexed, cover, lex};
use crate::limits::MAX_FILE_BYTES;
use crate::rules;
use crate::source_map::LogicalText;
use crate::span::{FileId, Span};
use crate::token::{Token, TokenKind};
use reporter::Reporter;
use statement::Statement;

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// From `#` to the end of the logical line.
    pub span: Span,
    /// Its logical text, `#` included.
    pub text: String,
}

/// What one text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What each byte is, in order, without gaps. Empty for a text above the size limit.
    pub tokens: Vec<Token>,
    /// The instructions that could be read, in order.
    pub directives: Vec<Directive>,
    /// The comments, in order.
    pub comments: Vec<Comment>,
    /// Everything there is to say about the syntax, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the text of `file`.
pub fn parse(file: FileId, text: &str) -> Parsed {
    if text.len() > MAX_FILE_BYTES {
        return too_large(file, text.len());
    }
    let logical = LogicalText::new(text);
    let lexed = lex(logical.text());
    let mut reporter = Reporter::new(file, text, &logical);
    let directives = read_lines(&lexed, &mut reporter);
    layout::check(&lexed, &mut reporter);
    Parsed {
        tokens: cover(&lexed.lexemes, &logical),
        directives,
        comments: comments(&lexed, &logical),
        diagnostics: reporter.finish(),
    }
}

fn too_large(file: FileId, bytes: usize) -> Parsed {
    let message =
        format!("this file holds {bytes} bytes; a Layerfile may hold at most {MAX_FILE_BYTES}");
    let diagnostic = rules::FILE_TOO_LARGE
        .at(file, Span::empty(0), message)
        .with_help("move long scripts into files of the repository and run those");
    Parsed {
        tokens: Vec::new(),
        directives: Vec::new(),
        comments: Vec::new(),
        diagnostics: vec![diagnostic],
    }
}

fn comments(lexed: &Lexed, logical: &LogicalText<'_>) -> Vec<Comment> {
    let lexemes = lexed.lexemes.iter().filter(|lexeme| lexeme.kind == TokenKind::Comment);
    lexemes
        .map(|lexeme| Comment {
            span: logical.span(lexeme.range()),
            text: logical
                .text()
                .get(lexeme.start as usize..lexeme.end as usize)
                .unwrap_or_default()
                .to_owned(),
        })
        .collect()
}

fn read_lines(lexed: &Lexed, reporter: &mut Reporter<'_>) -> Vec<Directive> {
    let mut directives = Vec::with_capacity(lexed.lines.len());
    let mut order = file_rules::Order::default();
    let mut index = 0;
    while let Some(line) = lexed.lines.get(index) {
        match line.head {
            Head::Nothing => {}
            Head::Unknown => order.unknown(heads::report_unknown(lexed, index, reporter)),
            Head::Directive(info) => {
                let statement = Statement::new(info, lexed.line(line), reporter.logical());
                order.directive(&statement, reporter);
                directives.extend(arguments::read(&statement, reporter));
                index += shell::heredoc_body(&statement, lexed, index, reporter);
            }
        }
        index += 1;
    }
    order.finish(reporter);
    directives
}

#[cfg(test)]
mod tests;
