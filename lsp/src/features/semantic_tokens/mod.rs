//! What each stretch of a document is, for colours: whole, a range, or what changed since the last time.
//!
//! Every token stays on one line, whatever clients can do.

mod delta;
mod emitter;
mod shell;
mod update;

pub use delta::between;
use emitter::Emitter;
pub use update::updated;

use crate::workspace::FileView;
use crate::workspace::embedded::Embedded;
use layerc_compiler::catalog::{DirectiveKind, Standing, keyword_at, variable};
use layerc_compiler::directive::{Directive, FromSource, Instruction, Word};
use layerc_compiler::span::Span;
use layerc_compiler::token::{Token, TokenKind};
use ls_types::{
    Range, SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokensLegend,
};

/// What a stretch is. The order is that of the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A comment.
    Comment,
    /// A keyword of the language or of the shell.
    Keyword,
    /// Text, paths, values.
    String,
    /// An amount, a port.
    Number,
    /// `=`, `&&`, `|`.
    Operator,
    /// A variable.
    Variable,
    /// A name that only this instruction knows.
    Property,
    /// A command of the shell.
    Function,
    /// An option of a command.
    Parameter,
    /// Another Layerfile.
    Namespace,
    /// An image.
    Type,
    /// A user.
    Class,
}

/// Names a variable or a key for the first time.
pub const DECLARATION: u32 = 1;
/// Comes with the language.
pub const DEFAULT_LIBRARY: u32 = 1 << 1;
/// Should not be used any more.
pub const DEPRECATED: u32 = 1 << 2;
/// Holds a secret.
pub const READONLY: u32 = 1 << 3;

/// What the numbers in tokens mean.
pub fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: vec![
            SemanticTokenType::COMMENT,
            SemanticTokenType::KEYWORD,
            SemanticTokenType::STRING,
            SemanticTokenType::NUMBER,
            SemanticTokenType::OPERATOR,
            SemanticTokenType::VARIABLE,
            SemanticTokenType::PROPERTY,
            SemanticTokenType::FUNCTION,
            SemanticTokenType::PARAMETER,
            SemanticTokenType::NAMESPACE,
            SemanticTokenType::TYPE,
            SemanticTokenType::CLASS,
        ],
        token_modifiers: vec![
            SemanticTokenModifier::DECLARATION,
            SemanticTokenModifier::DEFAULT_LIBRARY,
            SemanticTokenModifier::DEPRECATED,
            SemanticTokenModifier::READONLY,
        ],
    }
}

/// The tokens of a document.
pub fn whole(view: FileView<'_>) -> Vec<SemanticToken> {
    in_span(view, Span::new(0, u32::try_from(view.text().len()).unwrap_or(u32::MAX)))
}

/// The tokens that touch a range.
pub fn range(view: FileView<'_>, range: Range) -> Vec<SemanticToken> {
    in_span(view, view.positions().span(range))
}

fn in_span(view: FileView<'_>, wanted: Span) -> Vec<SemanticToken> {
    let mut painter = Painter { view, emitter: Emitter::new(view.positions()) };
    let tokens = &view.analysis().tokens;
    let first = tokens.partition_point(|token| token.span.end() < wanted.start());
    let inside = tokens.get(first..).unwrap_or_default().iter();
    let mut directives = view.analysis().directives.iter().map(AsRef::as_ref).peekable();
    for token in inside.take_while(|token| token.span.start() <= wanted.end()) {
        while directives
            .next_if(|next: &&Directive| next.span.end() <= token.span.start())
            .is_some()
        {}
        let directive =
            directives.peek().copied().filter(|next| next.span.start() <= token.span.start());
        painter.token(token, directive);
    }
    painter.emitter.into_tokens()
}

/// Chooses kinds; knows the instruction a token belongs to, if there is one.
struct Painter<'s> {
    view: FileView<'s>,
    emitter: Emitter<'s>,
}

impl Painter<'_> {
    fn token(&mut self, token: &Token, directive: Option<&Directive>) {
        let span = token.span;
        match token.kind {
            TokenKind::Comment => self.emitter.push(span, Kind::Comment, 0),
            TokenKind::Keyword => self.emitter.push(span, Kind::Keyword, self.standing(span)),
            TokenKind::Connector => self.emitter.push(span, Kind::Keyword, 0),
            TokenKind::Operator => self.emitter.push(span, Kind::Operator, 0),
            TokenKind::Name => self.name(span, directive),
            TokenKind::Value => self.value(span, directive),
            TokenKind::Word => self.word(span, directive),
            TokenKind::Text => self.text(span, directive),
            TokenKind::Blank
            | TokenKind::LineEnd
            | TokenKind::Continuation
            | TokenKind::ByteOrderMark
            | TokenKind::UnusualBlank
            | TokenKind::UnknownWord => {}
        }
    }

    fn standing(&self, span: Span) -> u32 {
        match keyword_at(self.view.slice(span)) {
            Some((info, _)) if info.standing == Standing::Removed => DEPRECATED,
            _ => 0,
        }
    }

    fn name(&mut self, span: Span, directive: Option<&Directive>) {
        let (kind, modifiers) = match directive.map(|directive| &directive.instruction) {
            Some(Instruction::Env(_)) => (Kind::Variable, DECLARATION),
            Some(Instruction::SkipIf(_)) => (Kind::Variable, self.library(span)),
            _ => (Kind::Property, 0),
        };
        // The lexer may count the operator to the name.
        let text = self.view.slice(span);
        let length = text.trim_end_matches(['=', '!', '~']).len();
        let end = span.start() + u32::try_from(length).unwrap_or(0);
        self.emitter.push(Span::new(span.start(), end), kind, modifiers);
        self.emitter.push(Span::new(end, span.end()), Kind::Operator, 0);
    }

    fn library(&self, span: Span) -> u32 {
        let name = self.view.slice(span);
        match variable(name.trim_start_matches('$')) {
            Some(info) if info.replaced_by.is_some() => DEFAULT_LIBRARY | DEPRECATED,
            Some(_) => DEFAULT_LIBRARY,
            None => 0,
        }
    }

    fn value(&mut self, span: Span, directive: Option<&Directive>) {
        let is_shell =
            directive.is_some_and(|directive| matches!(directive.instruction, Instruction::Env(_)));
        if is_shell {
            self.shell(span, shell::Start::Value);
        } else {
            self.emitter.push(span, Kind::String, 0);
        }
    }

    fn word(&mut self, span: Span, directive: Option<&Directive>) {
        let (kind, modifiers) = match directive.map(|directive| &directive.instruction) {
            Some(Instruction::Wait(_)) => (Kind::Namespace, 0),
            Some(Instruction::BuildEnv(_)) => (Kind::Variable, self.library(span)),
            Some(Instruction::SecretEnv(_)) => (Kind::Variable, DECLARATION | READONLY),
            Some(Instruction::Memory(_) | Instruction::ExposeTcp(_)) => (Kind::Number, 0),
            Some(Instruction::Split(_)) if self.view.slice(span) == "UNORDERED" => {
                (Kind::Keyword, 0)
            }
            Some(Instruction::Split(_)) => (Kind::Number, 0),
            Some(Instruction::User(_)) => (Kind::Class, 0),
            Some(Instruction::Checkpoint(_)) => (Kind::Property, DECLARATION),
            _ => (Kind::String, 0),
        };
        self.emitter.push(span, kind, modifiers);
    }

    fn text(&mut self, span: Span, directive: Option<&Directive>) {
        match directive.map(|directive| &directive.instruction) {
            Some(Instruction::From(FromSource::Image(_))) => {
                self.emitter.push(span, Kind::Type, 0);
            }
            Some(Instruction::From(_)) => self.emitter.push(span, Kind::Namespace, 0),
            Some(Instruction::Run(_)) => self.shell(span, shell::Start::Command),
            // What a half-typed or broken line is about is told by its keyword.
            None if self.is_broken_run(span) => self.shell(span, shell::Start::Command),
            _ => self.emitter.push(span, Kind::String, 0),
        }
    }

    fn is_broken_run(&self, span: Span) -> bool {
        let lines = &self.view.analysis().lines;
        let start = lines.line_start(lines.line(span.start())).unwrap_or(0) as usize;
        let line = self.view.text().get(start..).unwrap_or_default().trim_start();
        let kind = keyword_at(line).map(|(info, _)| info.kind);
        matches!(
            kind,
            Some(DirectiveKind::Run | DirectiveKind::RunBackground | DirectiveKind::RunRepeatable)
        )
    }

    fn shell(&mut self, span: Span, start: shell::Start) {
        let word = Word::new(String::new(), span);
        let embedded = Embedded::of(self.view.text(), &word);
        for piece in shell::pieces(embedded.text(), start) {
            let modifiers = match piece.kind {
                Kind::Variable => {
                    piece.modifiers | self.library(embedded.span(piece.range.clone()))
                }
                _ => piece.modifiers,
            };
            self.emitter.push(embedded.span(piece.range), piece.kind, modifiers);
        }
    }
}
