//! Bash text for colours: the pieces that the shell's lexer tells apart, as kinds of tokens.

use super::{DECLARATION, DEFAULT_LIBRARY, Kind};
use crate::shell::builtins::builtin;
use crate::shell::{ShellToken, ShellTokenKind, tokens, value_tokens};
use std::ops::Range;

/// Where in a script the text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At a command.
    Command,
    /// Behind the `=` of an assignment.
    Value,
}

/// A stretch of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    pub(super) modifiers: u32,
}

/// The coloured stretches of `text`, in order and apart.
pub(super) fn pieces(text: &str, start: Start) -> Vec<Piece> {
    let tokens = match start {
        Start::Command => tokens(text),
        Start::Value => value_tokens(text),
    };
    let mut pieces = Vec::with_capacity(tokens.len());
    for token in tokens {
        if token.kind == ShellTokenKind::Variable {
            pieces.extend(of_variable(text, token.range));
        } else {
            pieces.push(of_token(text, token));
        }
    }
    pieces
}

fn of_token(text: &str, token: ShellToken) -> Piece {
    let word = text.get(token.range.clone()).unwrap_or_default();
    let is_number = || !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let (kind, modifiers) = match token.kind {
        ShellTokenKind::Command if builtin(word).is_some() => (Kind::Function, DEFAULT_LIBRARY),
        ShellTokenKind::Command => (Kind::Function, 0),
        ShellTokenKind::Keyword => (Kind::Keyword, 0),
        ShellTokenKind::Option => (Kind::Parameter, 0),
        ShellTokenKind::Argument if is_number() => (Kind::Number, 0),
        ShellTokenKind::Argument | ShellTokenKind::String => (Kind::String, 0),
        ShellTokenKind::Variable => (Kind::Variable, 0),
        ShellTokenKind::Assignment => (Kind::Variable, DECLARATION),
        ShellTokenKind::Operator => (Kind::Operator, 0),
        ShellTokenKind::Comment => (Kind::Comment, 0),
    };
    Piece { range: token.range, kind, modifiers }
}

/// `$NAME`, `${NAME` or `}`: the signs apart from the name. What the shell sets itself, like `$?`, comes with it.
fn of_variable(text: &str, range: Range<usize>) -> impl Iterator<Item = Piece> {
    let whole = text.get(range.clone()).unwrap_or_default();
    let signs = whole.len() - whole.trim_start_matches(['$', '{', '}', '#', '!']).len();
    let is_special = whole.len() == 2 && whole.starts_with('$') && {
        let sign = whole.as_bytes().last().copied().unwrap_or(b'a');
        !(sign.is_ascii_alphabetic() || sign == b'_')
    };
    let piece = |range: Range<usize>, kind, modifiers| {
        (!range.is_empty()).then_some(Piece { range, kind, modifiers })
    };
    let pieces = if is_special && whole != "${" {
        [piece(range, Kind::Variable, DEFAULT_LIBRARY), None]
    } else {
        let name = range.start + signs;
        [piece(range.start..name, Kind::Operator, 0), piece(name..range.end, Kind::Variable, 0)]
    };
    pieces.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::{Start, pieces};
    use proptest::prelude::*;

    fn check(text: &str, expected: &[&str]) {
        let shown: Vec<String> = pieces(text, Start::Command)
            .iter()
            .map(|piece| format!("{:?} {}", piece.kind, &text[piece.range.clone()]))
            .collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn commands_words_and_expansions_are_told_apart() {
        check(
            "A=1 npm ci -q 3 && cd \"$X/y\" $? # end",
            &[
                "Variable A",
                "Operator =",
                "Number 1",
                "Function npm",
                "String ci",
                "Parameter -q",
                "Number 3",
                "Operator &&",
                "Function cd",
                "String \"",
                "Operator $",
                "Variable X",
                "String /y\"",
                "Variable $?",
                "Comment # end",
            ],
        );
        check(
            "if x; then echo 'a $b' $(ls ${Y:-z}); fi",
            &[
                "Keyword if",
                "Function x",
                "Operator ;",
                "Keyword then",
                "Function echo",
                "String 'a $b'",
                "Operator $(",
                "Function ls",
                "Operator ${",
                "Variable Y",
                "String :-z",
                "Operator }",
                "Operator )",
                "Operator ;",
                "Keyword fi",
            ],
        );
    }

    proptest! {
        #[test]
        fn pieces_are_in_order_and_whole_characters(text in "[a-z=é$\\(\\){}\"'` |&;<>#\\\\-]{0,40}") {
            for start in [Start::Command, Start::Value] {
                let mut end = 0;
                for piece in pieces(&text, start) {
                    prop_assert!(piece.range.start >= end && piece.range.end > piece.range.start);
                    prop_assert!(text.get(piece.range.clone()).is_some());
                    end = piece.range.end;
                }
            }
        }
    }
}
