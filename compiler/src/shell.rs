//! A cautious reading of bash text: simple commands, their words and redirections, and variable uses.
//!
//! Not a shell: nothing is expanded and nested scripts (`$(…)`, `bash -c '…'`) stay words. What it can't place
//! surely is marked as grouped, so that checks stay silent rather than guess. Never fails, linear in the text.

use std::ops::Range;

/// What follows a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandEnd {
    /// `|`: its output goes to the next command.
    Pipe,
    /// `&`: it runs on while the next one starts.
    Background,
    /// `;`, `&&`, `||` or a bracket.
    Next,
    /// The end of the text.
    Last,
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// At the top of the script.
    Top,
    /// In brackets, braces, a loop or a condition, whose redirections it shares.
    Grouped,
}

/// A simple command. Words are byte ranges of the text, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// `NAME=value` words in front of it.
    pub assignments: Vec<Range<usize>>,
    /// The command and its arguments.
    pub words: Vec<Range<usize>>,
    /// Targets of `>`, `>>`, `&>`, `>|`.
    pub outputs: Vec<Range<usize>>,
    /// What follows.
    pub end: CommandEnd,
    /// Where it stands.
    pub nesting: Nesting,
}

/// The simple commands of `text`, in order.
pub fn commands(text: &str) -> Vec<Command> {
    Splitter { text, position: 0, depth: 0, commands: Vec::new(), current: Open::default() }.split()
}

/// The text of a word without its quotes.
pub fn unquoted(word: &str) -> String {
    word.chars().filter(|character| !matches!(character, '"' | '\'')).collect()
}

/// A use of a variable: `$NAME`, `${NAME…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableUse {
    /// The bytes of the name alone.
    pub name: Range<usize>,
    /// Whether the shell expands it.
    pub expansion: Expansion,
}

/// Whether a variable use is expanded by the shell that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expansion {
    /// It is.
    Expanded,
    /// It stands in single quotes: perhaps another program expands it.
    Literal,
}

/// Every variable use of `text`, in order. Escaped dollars are left out.
pub fn variable_uses(text: &str) -> Vec<VariableUse> {
    let bytes = text.as_bytes();
    let mut uses = Vec::new();
    let mut quotes = Quotes::default();
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        if *byte == b'$' {
            let expansion =
                if quotes.is_single() { Expansion::Literal } else { Expansion::Expanded };
            if let Some(name) = name_after_dollar(bytes, position) {
                uses.push(VariableUse { name, expansion });
            }
        }
        position = quotes.step(bytes, position);
    }
    uses
}

/// The name after the dollar at `position`, if one is there.
fn name_after_dollar(bytes: &[u8], position: usize) -> Option<Range<usize>> {
    let mut start = position + 1;
    if bytes.get(start) == Some(&b'{') {
        start += 1;
        if matches!(bytes.get(start), Some(b'#' | b'!')) {
            start += 1;
        }
    }
    let rest = bytes.get(start..)?;
    let length =
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let first = rest.first()?;
    (length > 0 && !first.is_ascii_digit()).then(|| start..start + length)
}

/// The open quotes and brackets, outermost first, each by the byte that closes it.
#[derive(Debug, Default)]
struct Quotes(Vec<u8>);

impl Quotes {
    fn is_single(&self) -> bool {
        self.0.last() == Some(&b'\'')
    }

    fn is_open(&self) -> bool {
        !self.0.is_empty()
    }

    /// Takes the byte at `position` into account and returns the next position.
    fn step(&mut self, bytes: &[u8], position: usize) -> usize {
        let byte = bytes.get(position).copied().unwrap_or(0);
        let top = self.0.last().copied().unwrap_or(0);
        if byte == top && byte != 0 {
            self.0.pop();
            return position + 1;
        }
        if top == b'\'' {
            return position + 1;
        }
        match (byte, bytes.get(position + 1)) {
            (b'\\', _) => return position + 2,
            (b'$', Some(b'(')) => self.0.push(b')'),
            (b'<' | b'>', Some(b'(')) if top != b'"' => self.0.push(b')'),
            (b'$', Some(b'{')) => self.0.push(b'}'),
            (b'`' | b'"', _) => {
                self.0.push(byte);
                return position + 1;
            }
            (b'\'', _) if top != b'"' && top != b'}' => {
                self.0.push(byte);
                return position + 1;
            }
            (b'(', _) if top == b')' => {
                self.0.push(b')');
                return position + 1;
            }
            _ => return position + 1,
        }
        position + 2
    }
}

/// A command that is being read.
#[derive(Debug, Default)]
struct Open {
    assignments: Vec<Range<usize>>,
    words: Vec<Range<usize>>,
    outputs: Vec<Range<usize>>,
    /// A redirection operator waits for its target.
    awaits: Option<Direction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Output,
    Other,
}

/// Splits a text into simple commands.
struct Splitter<'a> {
    text: &'a str,
    position: usize,
    depth: usize,
    commands: Vec<Command>,
    current: Open,
}

impl Splitter<'_> {
    fn split(mut self) -> Vec<Command> {
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.position += 1,
                b'#' => break,
                b';' | b'&' | b'|' | b'(' | b')' => self.operator(byte),
                b'<' | b'>' => self.redirection(0),
                _ => self.word(),
            }
        }
        self.finish(CommandEnd::Last);
        self.commands
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.position + ahead).copied()
    }

    fn operator(&mut self, byte: u8) {
        let next = self.byte(1);
        let (end, length) = match (byte, next) {
            (b'&', Some(b'>')) => return self.redirection(1),
            (b'&', Some(b'&')) | (b'|', Some(b'|')) => (CommandEnd::Next, 2),
            (b'|', Some(b'&')) => (CommandEnd::Pipe, 2),
            (b'&', _) => (CommandEnd::Background, 1),
            (b'|', _) => (CommandEnd::Pipe, 1),
            _ => (CommandEnd::Next, 1),
        };
        self.finish(end);
        match byte {
            b'(' => self.depth += 1,
            b')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.position += length;
    }

    /// An operator whose arrow stands `ahead` bytes from here.
    fn redirection(&mut self, ahead: usize) {
        let arrow = self.byte(ahead);
        if ahead == 0 && self.byte(1) == Some(b'(') {
            return self.word();
        }
        self.position += ahead + 1;
        while matches!(self.byte(0), Some(b'<' | b'>' | b'|' | b'-')) {
            self.position += 1;
        }
        let duplicates = self.byte(0) == Some(b'&');
        if duplicates {
            self.position += 1;
        }
        let output = arrow == Some(b'>') && !duplicates;
        self.current.awaits = Some(if output { Direction::Output } else { Direction::Other });
    }

    fn word(&mut self) {
        let start = self.position;
        let bytes = self.text.as_bytes();
        let mut quotes = Quotes::default();
        while let Some(byte) = bytes.get(self.position) {
            let ends = b" \t\n\r;&|()<>".contains(byte) && self.position > start;
            if ends && !quotes.is_open() {
                break;
            }
            self.position = quotes.step(bytes, self.position).min(bytes.len());
        }
        self.take_word(start..self.position);
    }

    fn take_word(&mut self, range: Range<usize>) {
        let word = self.text.get(range.clone()).unwrap_or_default();
        let descriptor = word.bytes().all(|byte| byte.is_ascii_digit());
        if descriptor && matches!(self.byte(0), Some(b'<' | b'>')) {
            return;
        }
        match self.current.awaits.take() {
            Some(Direction::Output) => return self.current.outputs.push(range),
            Some(Direction::Other) => return,
            None => {}
        }
        if !self.current.words.is_empty() {
            return self.current.words.push(range);
        }
        match word {
            "if" | "for" | "while" | "until" | "case" | "select" | "{" => self.depth += 1,
            "then" | "else" | "elif" | "do" | "!" | "time" => {}
            "fi" | "done" | "esac" | "}" => self.depth = self.depth.saturating_sub(1),
            _ if is_assignment(word) => self.current.assignments.push(range),
            _ => self.current.words.push(range),
        }
    }

    fn finish(&mut self, end: CommandEnd) {
        let Open { assignments, words, outputs, .. } = std::mem::take(&mut self.current);
        if assignments.is_empty() && words.is_empty() {
            return;
        }
        let nesting = if self.depth == 0 { Nesting::Top } else { Nesting::Grouped };
        self.commands.push(Command { assignments, words, outputs, end, nesting });
    }
}

/// Whether a word is `NAME=…`.
pub fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| is_name(name.strip_suffix('+').unwrap_or(name)))
}

/// Whether a text is a shell variable's name.
pub fn is_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::{CommandEnd, Expansion, Nesting, commands, variable_uses};
    use std::fmt::Write as _;

    fn check_commands(text: &str, expected: &str) {
        let mut found = String::new();
        for command in commands(text) {
            let words: Vec<&str> = command
                .assignments
                .iter()
                .chain(&command.words)
                .map(|word| &text[word.clone()])
                .collect();
            let outputs: Vec<&str> =
                command.outputs.iter().map(|word| &text[word.clone()]).collect();
            let end = match command.end {
                CommandEnd::Pipe => "|",
                CommandEnd::Background => "&",
                CommandEnd::Next => ";",
                CommandEnd::Last => ".",
            };
            let nesting = if command.nesting == Nesting::Top { "" } else { " grouped" };
            let to = if outputs.is_empty() { String::new() } else { format!(" to {outputs:?}") };
            writeln!(found, "{words:?}{to}{nesting} {end}").unwrap();
        }
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn splits_simple_commands() {
        check_commands("a b && c|d; e &", "[\"a\", \"b\"] ;\n[\"c\"] |\n[\"d\"] ;\n[\"e\"] &\n");
        check_commands("A=1 b 'c d' # e", "[\"A=1\", \"b\", \"'c d'\"] .\n");
        check_commands("", "");
        check_commands("a#b", "[\"a#b\"] .\n");
    }

    #[test]
    fn quotes_and_substitutions_hide_operators() {
        check_commands(
            "echo \"a && $(b | c \")\") d\" e",
            "[\"echo\", \"\\\"a && $(b | c \\\")\\\") d\\\"\", \"e\"] .\n",
        );
        check_commands("x `a; b` 'c;d'", "[\"x\", \"`a; b`\", \"'c;d'\"] .\n");
        check_commands("x ${A:-a;b}", "[\"x\", \"${A:-a;b}\"] .\n");
    }

    #[test]
    fn takes_redirections_apart() {
        check_commands("a >b 2>&1 >> c <d", "[\"a\"] to [\"b\", \"c\"] .\n");
        check_commands("a &>b", "[\"a\"] to [\"b\"] .\n");
        check_commands("a 2>/dev/null b", "[\"a\", \"b\"] to [\"/dev/null\"] .\n");
        check_commands("diff <(a b) c", "[\"diff\", \"<(a b)\", \"c\"] .\n");
    }

    #[test]
    fn marks_groups() {
        check_commands("(a); { b; }", "[\"a\"] grouped ;\n[\"b\"] grouped ;\n");
        check_commands("if a; then b; fi > c", "[\"a\"] grouped ;\n[\"b\"] grouped ;\n");
    }

    #[test]
    fn finds_variable_uses() {
        let text = "$A ${B:-$C} '$D' \"'$E'\" \\$F $1 $$ ${#G} \"$(x '$H')\"";
        let found: Vec<String> = variable_uses(text)
            .into_iter()
            .map(|found| {
                let mark = if found.expansion == Expansion::Literal { "'" } else { "" };
                format!("{}{mark}", &text[found.name])
            })
            .collect();
        assert_eq!(found, ["A", "B", "C", "D'", "E", "G", "H'"]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_stays_inside(text in "\\PC*|[ab$(){}'\"`;&|<>#\\\\ \\n=]{0,40}") {
            for command in commands(&text) {
                for range in command.words.iter().chain(&command.outputs).chain(&command.assignments) {
                    proptest::prop_assert!(text.get(range.clone()).is_some());
                }
            }
            for found in variable_uses(&text) {
                proptest::prop_assert!(text.get(found.name).is_some());
            }
        }
    }
}
