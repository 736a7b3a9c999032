//! Bash text for colours: words, quotes, expansions, operators.
//!
//! Not a parser: it knows quotes and nesting well enough never to colour half a string, and never fails. Linear.

use super::{DECLARATION, DEFAULT_LIBRARY, Kind};
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

/// Words that steer the shell.
const KEYWORDS: &[&str] = &[
    "if", "then", "else", "elif", "fi", "for", "in", "while", "until", "do", "done", "case",
    "esac", "function", "select", "time", "!", "{", "}", "[[", "]]",
];

/// Keywords after which a new command begins.
const BEFORE_COMMAND: &[&str] =
    &["if", "then", "else", "elif", "while", "until", "do", "time", "!", "{"];

/// Commands that the shell has in itself.
const BUILTINS: &[&str] = &[
    "alias", "bg", "cd", "command", "declare", "echo", "eval", "exec", "exit", "export", "false",
    "getopts", "hash", "jobs", "kill", "let", "local", "printf", "pushd", "popd", "pwd", "read",
    "readonly", "return", "set", "shift", "shopt", "source", "test", "trap", "true", "type",
    "ulimit", "umask", "unalias", "unset", "wait", "[", ".", ":",
];

/// The coloured stretches of `text`, in order and apart.
pub(super) fn pieces(text: &str, start: Start) -> Vec<Piece> {
    let mut reader = Reader {
        text,
        at: 0,
        pieces: Vec::new(),
        open: Vec::new(),
        expects: if start == Start::Command { Expects::Command } else { Expects::Argument },
    };
    reader.read();
    reader.pieces
}

/// What the next word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    Command,
    Argument,
}

/// What is open around the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// `$(` or `(`.
    Parenthesis,
    /// `"`.
    Quote,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    pieces: Vec<Piece>,
    open: Vec<Open>,
    expects: Expects,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(byte) = self.byte(0) {
            if self.open.last() == Some(&Open::Quote) {
                self.quoted();
                continue;
            }
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' => self.push_to(self.text.len(), Kind::Comment, 0),
                b'|' | b'&' | b';' | b'<' | b'>' | b'(' | b')' => self.operator(byte),
                _ => self.word(),
            }
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn push(&mut self, range: Range<usize>, kind: Kind, modifiers: u32) {
        if !range.is_empty() {
            self.pieces.push(Piece { range, kind, modifiers });
        }
    }

    /// Takes everything up to `end`, which lies ahead.
    fn push_to(&mut self, end: usize, kind: Kind, modifiers: u32) {
        let start = self.at;
        self.at = end.max(start + 1);
        self.push(start..self.at.min(self.text.len()), kind, modifiers);
    }

    fn operator(&mut self, byte: u8) {
        let same = self.byte(1) == Some(byte) && matches!(byte, b'|' | b'&' | b';' | b'<' | b'>');
        let joined = matches!((byte, self.byte(1)), (b'>' | b'<', Some(b'&')) | (b'&', Some(b'>')));
        self.expects = if matches!(byte, b'<' | b'>') || joined {
            Expects::Argument
        } else {
            Expects::Command
        };
        match byte {
            b'(' => self.open.push(Open::Parenthesis),
            b')' if self.open.last() == Some(&Open::Parenthesis) => {
                self.open.pop();
                self.expects = Expects::Argument;
            }
            _ => {}
        }
        let length = if same || joined { 2 } else { 1 };
        self.push_to(self.at + length, Kind::Operator, 0);
    }

    /// A word, or what of it stands before a command substitution, which is read like the rest.
    fn word(&mut self) {
        let start = self.at;
        let before = self.pieces.len();
        let mut plain = start;
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b'|' | b'&' | b';' | b'<' | b'>' | b'(' | b')' => {
                    break;
                }
                b'\\' => self.at = (self.at + 2).min(self.text.len()),
                b'\'' => {
                    self.rest_as_string(plain, start);
                    let end = self.find(b'\'', 1);
                    self.push_to(end, Kind::String, 0);
                    plain = self.at;
                }
                b'"' => {
                    self.rest_as_string(plain, start);
                    self.open.push(Open::Quote);
                    self.at += 1;
                    self.push(self.at - 1..self.at, Kind::String, 0);
                    self.expects = Expects::Argument;
                    return;
                }
                b'$' | b'`' => {
                    self.rest_as_string(plain, start);
                    if self.expansion() {
                        return;
                    }
                    plain = self.at;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.text.ceil_char_boundary(self.at);
        if self.pieces.len() == before && plain == start {
            self.plain_word(start);
        } else {
            self.push(plain..self.at, Kind::String, 0);
            self.expects = Expects::Argument;
        }
    }

    /// What stands in a word before a quote or an expansion: an assignment's name, or text.
    fn rest_as_string(&mut self, plain: usize, start: usize) {
        let text = self.text.get(plain..self.at).unwrap_or_default();
        match text.split_once('=') {
            Some((name, _)) if plain == start && layerc_compiler::shell::is_name(name) => {
                self.assignment(start, name.len(), self.at);
            }
            _ => self.push(plain..self.at, Kind::String, 0),
        }
    }

    fn assignment(&mut self, start: usize, name: usize, end: usize) {
        self.push(start..start + name, Kind::Variable, DECLARATION);
        self.push(start + name..start + name + 1, Kind::Operator, 0);
        self.push(start + name + 1..end, Kind::String, 0);
    }

    /// A word without quotes and expansions.
    fn plain_word(&mut self, start: usize) {
        let word = self.text.get(start..self.at).unwrap_or_default();
        let end = self.at;
        let at_command = self.expects == Expects::Command;
        self.expects = Expects::Argument;
        match word.split_once('=') {
            Some((name, _)) if layerc_compiler::shell::is_name(name) => {
                self.assignment(start, name.len(), end);
                self.expects = if at_command { Expects::Command } else { Expects::Argument };
            }
            _ if at_command && KEYWORDS.contains(&word) => {
                self.push(start..end, Kind::Keyword, 0);
                if BEFORE_COMMAND.contains(&word) {
                    self.expects = Expects::Command;
                }
            }
            _ if at_command && BUILTINS.contains(&word) => {
                self.push(start..end, Kind::Function, DEFAULT_LIBRARY);
            }
            _ if at_command => self.push(start..end, Kind::Function, 0),
            _ if word.starts_with('-') => self.push(start..end, Kind::Parameter, 0),
            _ if word.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.push(start..end, Kind::Number, 0);
            }
            _ => self.push(start..end, Kind::String, 0),
        }
    }

    /// Inside double quotes: text up to the next expansion or the end.
    fn quoted(&mut self) {
        let start = self.at;
        while let Some(byte) = self.byte(0) {
            match byte {
                b'\\' => self.at = (self.at + 2).min(self.text.len()),
                b'"' => {
                    self.at += 1;
                    self.open.pop();
                    self.push(start..self.at, Kind::String, 0);
                    return;
                }
                b'$' | b'`' => {
                    self.push(start..self.at, Kind::String, 0);
                    self.expansion();
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.text.len();
        self.push(start..self.at, Kind::String, 0);
    }

    /// At a `$` or a backtick. True if a command begins behind it.
    fn expansion(&mut self) -> bool {
        match self.byte(1) {
            _ if self.byte(0) == Some(b'`') => {
                self.push_to(self.at + 1, Kind::Operator, 0);
                self.expects = Expects::Command;
                false
            }
            Some(b'(') => {
                self.open.push(Open::Parenthesis);
                self.push_to(self.at + 2, Kind::Operator, 0);
                self.expects = Expects::Command;
                true
            }
            Some(b'{') => {
                let end = self.find(b'}', 2);
                self.braces(end);
                false
            }
            Some(next) if next.is_ascii_alphabetic() || next == b'_' => {
                let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
                let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                let length = rest.iter().take_while(is_part).count();
                self.push(self.at..self.at + 1, Kind::Operator, 0);
                self.at += 1;
                self.push_to(self.at + length, Kind::Variable, 0);
                false
            }
            Some(next)
                if next.is_ascii()
                    && !next.is_ascii_whitespace()
                    && next != b'"'
                    && next != b'\'' =>
            {
                self.push_to(self.at + 2, Kind::Variable, DEFAULT_LIBRARY);
                false
            }
            _ => {
                self.push_to(self.at + 1, Kind::String, 0);
                false
            }
        }
    }

    /// `${…}` up to `end`: the name, and the rest as text.
    fn braces(&mut self, end: usize) {
        let start = self.at;
        let inner = self.text.get(start + 2..end).unwrap_or_default();
        let prefix = inner.len() - inner.trim_start_matches(['#', '!']).len();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = inner.get(prefix..).unwrap_or_default();
        let length = name.len() - name.trim_start_matches(is_part).len();
        let name = start + 2 + prefix..start + 2 + prefix + length;
        self.push(start..name.start, Kind::Operator, 0);
        self.push(name.clone(), Kind::Variable, 0);
        self.push(name.end..end, Kind::Operator, 0);
        self.at = end;
    }

    /// One past the next `byte` that is at least `skip` bytes ahead; the end if there is none.
    fn find(&self, byte: u8, skip: usize) -> usize {
        let from = self.at + skip;
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        rest.iter()
            .position(|found| *found == byte)
            .map_or(self.text.len(), |found| from + found + 1)
    }
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
            "A=1 npm ci -q 3 && cd \"$X/y\" # end",
            &[
                "Variable A",
                "Operator =",
                "String 1",
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
                "Operator :-z}",
                "Operator )",
                "Operator ;",
                "Keyword fi",
            ],
        );
    }

    proptest! {
        #[test]
        fn pieces_are_in_order_and_whole_characters(text in "[a-z=é$\\(\\){}\"'` |&;<>#\\\\-]{0,40}") {
            let mut end = 0;
            for piece in pieces(&text, Start::Command) {
                prop_assert!(piece.range.start >= end && piece.range.end > piece.range.start);
                prop_assert!(text.get(piece.range.clone()).is_some());
                end = piece.range.end;
            }
        }
    }
}
