//! The bash script that a RUN is: its command with what it inherits, and the way back to the Layerfile.
//!
//! ```text
//! # shellcheck disable=…      what the author silenced, and what can't be judged here
//! read -r A B C               variables that the machine has and the command names, so that using them is no finding
//! the command
//! ```
//!
//! Only what the command names is in its script: it stays the same when variables come and go elsewhere, and a long file
//! doesn't make scripts of its length squared.

use crate::plan::machine;
use crate::workspace::FileView;
use layerc_compiler::catalog::variable;
use layerc_compiler::directive::{Instruction, Word};
use layerc_compiler::source_map::LogicalText;
use layerc_compiler::span::Span;
use std::collections::BTreeSet;

/// Line of the command in the script, from 1.
pub const COMMAND_LINE: u32 = 3;

/// How an author silences a rule of ShellCheck, in a comment above RUN.
pub const DISABLE: &str = "# shellcheck disable=";

/// Files that are sourced aren't looked into, so findings about them say nothing.
const NEVER: [&str; 2] = ["SC1090", "SC1091"];

/// Where unknown files may set variables, none counts as unset.
const UNSET_VARIABLE: &str = "SC2154";

/// One RUN as a script.
#[derive(Debug, Clone)]
pub struct Script<'s> {
    /// The file.
    pub view: FileView<'s>,
    /// The instruction.
    pub instruction: Span,
    /// The whole script.
    pub text: String,
    command: &'s Word,
}

/// The scripts of a file, in order.
pub fn scripts(view: FileView<'_>) -> Vec<Script<'_>> {
    let mut machine = machine::inherited(view);
    let mut scripts = Vec::new();
    for (index, directive) in view.analysis().directives.iter().enumerate() {
        if let Instruction::Run(run) = &directive.instruction {
            let is_set =
                |name: &str| variable(name).is_some() || machine.variables.contains_key(name);
            let known = names(&run.command.value).filter(|name| is_set(name)).collect();
            let sources = !machine.setup_files.is_empty() || sources_files(&run.command.value);
            let head = head(view, directive.span, &known, sources);
            scripts.push(Script {
                view,
                instruction: directive.span,
                text: format!("{head}{}\n", run.command.value),
                command: &run.command,
            });
        }
        machine.advance(view, index);
    }
    scripts
}

fn head(view: FileView<'_>, span: Span, known: &BTreeSet<&str>, sources: bool) -> String {
    let mut silenced: Vec<String> = NEVER.iter().map(|code| (*code).to_owned()).collect();
    if sources {
        silenced.push(UNSET_VARIABLE.to_owned());
    }
    silenced.extend(silenced_above(view, span));
    let names: Vec<&str> = known.iter().copied().collect();
    let reading = if names.is_empty() { ":" } else { "read -r " };
    format!("{DISABLE}{}\n{reading}{}\n", silenced.join(","), names.join(" "))
}

/// Everything in a command that could be the name of a variable.
fn names(command: &str) -> impl Iterator<Item = &str> {
    let words = command.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
}

/// The codes that comments directly above an instruction silence.
fn silenced_above(view: FileView<'_>, span: Span) -> Vec<String> {
    let before = view.text().get(..span.start() as usize).unwrap_or_default();
    let own_line = before.rfind('\n').map_or(0, |end| end + 1);
    let lines = before.get(..own_line).unwrap_or_default().lines().rev();
    let comments = lines.map(str::trim).take_while(|line| line.starts_with('#'));
    let codes = comments.filter_map(|line| line.strip_prefix(DISABLE));
    let codes = codes.flat_map(|codes| codes.split([',', ' ']).map(str::to_owned));
    codes.filter(|code| is_code(code)).collect()
}

fn is_code(text: &str) -> bool {
    text.strip_prefix("SC").is_some_and(|number| {
        (1..=5).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether a command runs a file in its own shell.
fn sources_files(command: &str) -> bool {
    command.split_whitespace().any(|word| matches!(word, "." | "source" | "eval"))
}

impl Script<'_> {
    /// The place in the Layerfile of a part of the command, given by columns from 1 in characters.
    pub fn span(&self, columns: (u32, u32)) -> Option<Span> {
        let (start, end) = (self.byte(columns.0)?, self.byte(columns.1.max(columns.0))?);
        let original = self.view.slice(self.command.span);
        let logical = LogicalText::new(original);
        let offset = self.command.span.start();
        if start == end {
            return Some(Span::empty(offset + logical.original_end(start)));
        }
        let span = logical.span(start..end);
        Some(Span::new(offset + span.start(), offset + span.end()))
    }

    fn byte(&self, column: u32) -> Option<u32> {
        let text = &self.command.value;
        let index = (column as usize).checked_sub(1)?;
        let byte = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(index)?;
        u32::try_from(byte).ok()
    }
}
