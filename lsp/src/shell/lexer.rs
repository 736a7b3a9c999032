//! Bash text to coloured pieces. Never fails, linear in the text, and safe on any nesting: the stack is a list.
//!
//! Knows words, quotes, expansions, operators and the keywords of compound commands. Expands nothing and judges
//! nothing: what is broken simply ends where the text ends.

use super::words::{
    BEFORE_COMMAND, BEFORE_WORDS, OPERATORS, ansi_length, is_assignment, name_length,
};
use std::ops::Range;

/// What a piece of shell text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShellTokenKind {
    /// The name of a program, function or builtin, where one is started.
    Command,
    /// `if`, `for`, `{`, `!` and their kin.
    Keyword,
    /// `-x`, `--long`.
    Option,
    /// Any other word.
    Argument,
    /// Quotes and what is in them, without expansions.
    String,
    /// `$NAME`, `${NAME`, and the `}` behind it.
    Variable,
    /// The name before `=` where a variable is set.
    Assignment,
    /// `&&`, `|`, `>`, `$(`, `=` and their kin.
    Operator,
    /// From `#` to the end of the line.
    Comment,
}

/// A piece of shell text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellToken {
    /// Its bytes.
    pub range: Range<usize>,
    /// What it is.
    pub kind: ShellTokenKind,
    /// How many brackets, quotes and substitutions it is in.
    pub depth: usize,
}

/// The pieces of a command, in order, without overlap. Blanks belong to none.
pub fn tokens(text: &str) -> Vec<ShellToken> {
    lexed(text, Script::new(Close::End))
}

/// The pieces of what stands behind the `=` of an assignment.
pub fn value_tokens(text: &str) -> Vec<ShellToken> {
    lexed(text, Script { expected: Expected::Argument, ..Script::new(Close::End) })
}

fn lexed(text: &str, script: Script) -> Vec<ShellToken> {
    let first = Frame::Script(script);
    let mut lexer = Lexer { text, position: 0, stack: vec![first], tokens: Vec::new() };
    while lexer.position < text.len() {
        let before = lexer.position;
        lexer.step();
        debug_assert!(lexer.position > before, "each step takes at least a character");
    }
    lexer.tokens
}

/// What closes a script inside another text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Close {
    End,
    Parenthesis,
    Backtick,
}

/// What the next word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Command,
    Argument,
    /// The target of a redirection, then what was expected before.
    Target(Before),
}

/// What a redirection interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Command,
    Argument,
}

/// Where in `case … in … esac` a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    None,
    /// A pattern, whose closing bracket closes nothing else.
    Here,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Script {
    close: Close,
    expected: Expected,
    /// The kind of the word that is being read.
    word: Option<ShellTokenKind>,
    cases: u32,
    pattern: Pattern,
}

impl Script {
    const fn new(close: Close) -> Self {
        Self { close, expected: Expected::Command, word: None, cases: 0, pattern: Pattern::None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Frame {
    Script(Script),
    DoubleQuotes,
    /// `${…}`.
    Braces,
    /// `((…))`, with the brackets that are open in it.
    Arithmetic(u32),
}

struct Lexer<'text> {
    text: &'text str,
    position: usize,
    stack: Vec<Frame>,
    tokens: Vec<ShellToken>,
}

impl<'text> Lexer<'text> {
    fn rest(&self) -> &'text str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn next_length(&self) -> usize {
        self.rest().chars().next().map_or(1, char::len_utf8)
    }

    fn push(&mut self, length: usize, kind: ShellTokenKind) {
        let end = (self.position + length).min(self.text.len());
        let depth = self.stack.len();
        let range = self.position..end;
        self.position = end;
        match self.tokens.last_mut() {
            Some(last) if can_grow(last, &range, kind, depth) => last.range.end = end,
            _ => self.tokens.push(ShellToken { range, kind, depth }),
        }
    }

    fn step(&mut self) {
        match self.stack.last() {
            Some(Frame::DoubleQuotes) => self.in_double_quotes(),
            Some(Frame::Braces) => self.in_braces(),
            Some(Frame::Arithmetic(open)) => self.in_arithmetic(*open),
            Some(Frame::Script(_)) => self.in_script(),
            None => self.position = self.text.len(),
        }
    }

    fn in_double_quotes(&mut self) {
        let rest = self.rest();
        if rest.starts_with('"') {
            self.push(1, ShellTokenKind::String);
            self.stack.pop();
        } else if rest.starts_with('\\') {
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            self.push(1 + escaped, ShellTokenKind::String);
        } else if !self.expansion() {
            let length = rest.find(['"', '\\', '$', '`']).filter(|length| *length > 0);
            let length =
                length.unwrap_or_else(|| if rest.starts_with(['$', '`']) { 1 } else { rest.len() });
            self.push(length, ShellTokenKind::String);
        }
    }

    fn in_braces(&mut self) {
        let rest = self.rest();
        if rest.starts_with('}') {
            self.push(1, ShellTokenKind::Variable);
            self.stack.pop();
        } else if !self.quote() && !self.expansion() {
            self.push(self.next_length(), ShellTokenKind::Argument);
        }
    }

    fn in_arithmetic(&mut self, open: u32) {
        let rest = self.rest();
        if rest.starts_with("))") && open == 0 {
            self.push(2, ShellTokenKind::Operator);
            self.stack.pop();
            return;
        }
        let open = match rest.chars().next() {
            Some('(') => open.saturating_add(1),
            Some(')') => open.saturating_sub(1),
            _ => open,
        };
        if let Some(Frame::Arithmetic(count)) = self.stack.last_mut() {
            *count = open;
        }
        if !self.quote() && !self.expansion() {
            self.push(self.next_length(), ShellTokenKind::Argument);
        }
    }

    /// A quoted text that starts here; double quotes are entered.
    fn quote(&mut self) -> bool {
        let rest = self.rest();
        let prefix = usize::from(rest.starts_with("$'") || rest.starts_with("$\""));
        let Some(quoted) = rest.get(prefix..) else { return false };
        if quoted.starts_with('"') {
            self.push(prefix + 1, ShellTokenKind::String);
            self.stack.push(Frame::DoubleQuotes);
            return true;
        }
        let Some(text) = quoted.strip_prefix('\'') else { return false };
        let length =
            if prefix == 1 { ansi_length(text) } else { text.find('\'').map(|end| end + 1) };
        self.push(prefix + 1 + length.unwrap_or(text.len()), ShellTokenKind::String);
        true
    }

    /// A variable or a substitution that starts here.
    fn expansion(&mut self) -> bool {
        let rest = self.rest();
        if rest.starts_with("$((") {
            self.enter(3, Frame::Arithmetic(0));
        } else if rest.starts_with("$(") {
            self.enter(2, Frame::Script(Script::new(Close::Parenthesis)));
        } else if let Some(braced) = rest.strip_prefix("${") {
            let sign = usize::from(braced.starts_with(['#', '!']));
            let name = braced.get(sign..).map_or(0, name_length);
            self.push(2 + sign + name, ShellTokenKind::Variable);
            self.stack.push(Frame::Braces);
        } else if let Some(name) = rest.strip_prefix('$') {
            let special = name.starts_with(['@', '*', '#', '?', '-', '$', '!'])
                || name.starts_with(|first: char| first.is_ascii_digit());
            let length = if special { 1 } else { name_length(name) };
            if length == 0 {
                return false;
            }
            self.push(1 + length, ShellTokenKind::Variable);
        } else if rest.starts_with('`') {
            if self.in_backticks() {
                return false;
            }
            self.enter(1, Frame::Script(Script::new(Close::Backtick)));
        } else {
            return false;
        }
        true
    }

    fn enter(&mut self, length: usize, frame: Frame) {
        self.push(length, ShellTokenKind::Operator);
        self.stack.push(frame);
    }

    /// Whether a script in backticks is open: the next backtick ends it, whatever else is open.
    fn in_backticks(&self) -> bool {
        self.stack
            .iter()
            .any(|frame| matches!(frame, Frame::Script(Script { close: Close::Backtick, .. })))
    }

    fn script(&self) -> Script {
        match self.stack.last() {
            Some(Frame::Script(script)) => script.clone(),
            _ => Script::new(Close::End),
        }
    }

    fn set_script(&mut self, script: Script) {
        if let Some(Frame::Script(top)) = self.stack.last_mut() {
            *top = script;
        }
    }

    fn in_script(&mut self) {
        let mut script = self.script();
        let first = self.rest().chars().next().unwrap_or(' ');
        match first {
            '`' if self.in_backticks() => self.close_backticks(),
            ' ' | '\t' | '\r' => {
                self.end_word(script);
                self.position += 1;
            }
            '#' if script.word.is_none() => {
                let length = self.rest().find('\n').unwrap_or(self.rest().len());
                self.push(length, ShellTokenKind::Comment);
            }
            '(' | ')' => self.bracket(script),
            ';' | '&' | '|' | '<' | '>' | '\n' => self.operator(script),
            _ => {
                if script.word.is_none() {
                    script.word = Some(self.begin_word(&mut script));
                    self.set_script(script.clone());
                }
                self.word_part(script.word.unwrap_or(ShellTokenKind::Argument));
            }
        }
    }

    fn close_backticks(&mut self) {
        while let Some(frame) = self.stack.pop() {
            if matches!(frame, Frame::Script(Script { close: Close::Backtick, .. })) {
                break;
            }
        }
        self.push(1, ShellTokenKind::Operator);
    }

    fn end_word(&mut self, mut script: Script) {
        if script.word.take().is_some() {
            script.expected = match script.expected {
                Expected::Target(Before::Command) => Expected::Command,
                Expected::Target(Before::Argument) => Expected::Argument,
                other => other,
            };
        }
        self.set_script(script);
    }

    /// The kind of the word that starts here; what is expected behind it is noted in the script.
    fn begin_word(&mut self, script: &mut Script) -> ShellTokenKind {
        let rest = self.rest();
        let length = rest
            .find(|letter: char| " \t\r\n;&|<>()'\"`$\\".contains(letter))
            .unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let ends = rest
            .get(length..)
            .is_none_or(|behind| !behind.starts_with(['\'', '"', '`', '$', '\\']));
        let descriptor = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        if descriptor && rest.get(length..).is_some_and(|behind| behind.starts_with(['<', '>'])) {
            return ShellTokenKind::Operator;
        }
        match script.expected {
            Expected::Target(_) => ShellTokenKind::Argument,
            Expected::Argument => {
                if word == "in" && script.cases > 0 && script.pattern == Pattern::None {
                    script.pattern = Pattern::Here;
                    return ShellTokenKind::Keyword;
                }
                if word.starts_with('-') {
                    ShellTokenKind::Option
                } else {
                    ShellTokenKind::Argument
                }
            }
            Expected::Command if is_assignment(word) => ShellTokenKind::Assignment,
            Expected::Command if script.pattern == Pattern::Here && word != "esac" => {
                ShellTokenKind::Argument
            }
            Expected::Command => command_word(word, ends, script),
        }
    }

    fn word_part(&mut self, kind: ShellTokenKind) {
        if self.quote() || self.expansion() {
            return;
        }
        let rest = self.rest();
        if rest.starts_with('\\') {
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            return self.push(1 + escaped, kind);
        }
        if kind == ShellTokenKind::Assignment {
            return self.assignment();
        }
        let length = rest
            .find(|letter: char| " \t\r\n;&|<>()'\"`$\\".contains(letter))
            .filter(|length| *length > 0);
        let whole = if rest.starts_with('$') { 1 } else { rest.len() };
        self.push(length.unwrap_or(whole), kind);
    }

    /// `NAME=`, then a word whose parts are plain.
    fn assignment(&mut self) {
        let rest = self.rest();
        let name = rest.find('=').unwrap_or(rest.len());
        let name =
            if rest.get(..name).is_some_and(|name| name.ends_with('+')) { name - 1 } else { name };
        self.push(name, ShellTokenKind::Assignment);
        let sign = if self.rest().starts_with('+') { 2 } else { 1 };
        self.push(sign, ShellTokenKind::Operator);
        let mut script = self.script();
        script.word = Some(ShellTokenKind::Argument);
        self.set_script(script);
    }

    fn bracket(&mut self, mut script: Script) {
        script.word = None;
        let opens = self.rest().starts_with('(');
        let arithmetic = self.rest().starts_with("((") && script.expected == Expected::Command;
        script.expected = Expected::Command;
        if !opens && script.pattern == Pattern::Here {
            script.pattern = Pattern::None;
            self.set_script(script);
            return self.push(1, ShellTokenKind::Operator);
        }
        self.set_script(script.clone());
        if arithmetic {
            return self.enter(2, Frame::Arithmetic(0));
        }
        if opens {
            return self.enter(1, Frame::Script(Script::new(Close::Parenthesis)));
        }
        if script.close == Close::Parenthesis {
            self.stack.pop();
        }
        self.push(1, ShellTokenKind::Operator);
    }

    fn operator(&mut self, mut script: Script) {
        let rest = self.rest();
        if rest.starts_with("<(") || rest.starts_with(">(") {
            script.word = script.word.or(Some(ShellTokenKind::Argument));
            self.set_script(script);
            return self.enter(2, Frame::Script(Script::new(Close::Parenthesis)));
        }
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator)).copied();
        let operator = operator.unwrap_or(" ");
        let redirects = operator.contains(['<', '>']);
        script.word = None;
        script.expected = match script.expected {
            Expected::Command if redirects => Expected::Target(Before::Command),
            Expected::Argument if redirects => Expected::Target(Before::Argument),
            Expected::Target(before) if redirects => Expected::Target(before),
            _ => Expected::Command,
        };
        if operator.starts_with(";;") || operator == ";&" {
            script.pattern = if script.cases > 0 { Pattern::Here } else { Pattern::None };
        }
        self.set_script(script);
        if operator == "\n" {
            self.position += 1;
        } else {
            self.push(operator.len(), ShellTokenKind::Operator);
        }
    }
}

/// Whether a piece is more of the piece before it.
fn can_grow(last: &ShellToken, range: &Range<usize>, kind: ShellTokenKind, depth: usize) -> bool {
    let grows = matches!(
        kind,
        ShellTokenKind::String
            | ShellTokenKind::Argument
            | ShellTokenKind::Command
            | ShellTokenKind::Option
    );
    grows && last.kind == kind && last.range.end == range.start && last.depth == depth
}

/// The kind of a word where a command may stand.
fn command_word(word: &str, ends: bool, script: &mut Script) -> ShellTokenKind {
    if ends && BEFORE_COMMAND.contains(&word) {
        return ShellTokenKind::Keyword;
    }
    script.expected = Expected::Argument;
    if !ends || !BEFORE_WORDS.contains(&word) {
        return ShellTokenKind::Command;
    }
    match word {
        "case" => script.cases = script.cases.saturating_add(1),
        "esac" => {
            script.cases = script.cases.saturating_sub(1);
            script.pattern = Pattern::None;
        }
        _ => {}
    }
    ShellTokenKind::Keyword
}

#[cfg(test)]
mod tests {
    use super::{ShellTokenKind, tokens};
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let letter = |kind| match kind {
            ShellTokenKind::Command => 'c',
            ShellTokenKind::Keyword => 'k',
            ShellTokenKind::Option => 'o',
            ShellTokenKind::Argument => 'a',
            ShellTokenKind::String => 's',
            ShellTokenKind::Variable => 'v',
            ShellTokenKind::Assignment => '=',
            ShellTokenKind::Operator => '+',
            ShellTokenKind::Comment => '#',
        };
        let mut line = vec![' '; text.len()];
        for token in tokens(text) {
            for index in token.range.clone() {
                line[index] = letter(token.kind);
            }
        }
        line.into_iter().collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn each_piece_has_its_kind() {
        let cases = [
            ("apt-get install -y a && rm x # c", "ccccccc aaaaaaa oo a ++ cc a ###"),
            ("A=1 B=\"$C d\" e", "=+a =+svvsss c"),
            ("if [ -f x ]; then y; fi", "kk c oo a a+ kkkk c+ kk"),
            ("echo \"a $(b \"c\") d\" 'e'", "cccc sss++c sss+sss sss"),
            ("x=$(a | b) > f 2>&1", "=+++c + c+ + a +++a"),
            ("case $a in b) c;; *) d;; esac", "kkkk vv kk a+ c++ a+ c++ kkkk"),
            ("for i in a b; do c $i; done", "kkk a aa a a+ kk c vv+ kkkk"),
            ("((a + 1)) && echo $((b * (c)))", "++aaaaa++ ++ cccc +++aaaaaaa++"),
            ("echo `a b` ${c:-d}$e", "cccc +c a+ vvvaaavvv"),
            ("diff <(a) $'x\\'y'", "cccc ++c+ sssssss"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "\n{text}\n{}", shown(text));
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_pieces_in_order(text in "\\PC*|[ab$(){}'\"`;&|<>#\\\\ \\n=é-]{0,60}|(case |in |esac|\\$\\(|\\)|;;|x ){0,20}") {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert!(token.range.start >= end && token.range.start < token.range.end);
                prop_assert!(text.get(token.range.clone()).is_some());
                end = token.range.end;
            }
        }
    }
}
