//! Where a Layerfile names variables: defines them, uses them, selects them for the cache.
//!
//! Knows one file; which definition a use sees is a question about the files it inherits from.

use super::embedded::Embedded;
use layerc_compiler::directive::{Directive, Instruction, Word};
use layerc_compiler::shell;
use layerc_compiler::span::Span;

/// One mention of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The variable, without `$`.
    pub name: String,
    /// The name alone.
    pub span: Span,
    /// The instruction that holds it: index in the file.
    pub directive: usize,
    /// What the mention does.
    pub role: Role,
}

/// What a mention of a variable does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// ENV gives it a value.
    Value,
    /// SECRET ENV makes a secret of that name a variable.
    Secret,
    /// BUILD ENV makes its value part of the cache key.
    Key,
    /// It is expanded or compared.
    Use,
    /// A command gives it a value of its own, which ends with the command.
    ShellValue,
}

impl Role {
    /// Whether the variable is there for later instructions because of this mention.
    pub const fn defines(self) -> bool {
        matches!(self, Self::Value | Self::Secret)
    }

    /// Whether the mention changes the value.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Value | Self::Secret | Self::ShellValue)
    }
}

/// Every mention of a variable in a file, in order.
pub(super) fn mentions(text: &str, directives: &[std::sync::Arc<Directive>]) -> Vec<Mention> {
    let mut found = Vec::new();
    for (index, directive) in directives.iter().enumerate() {
        let mut collector = Collector { text, directive: index, found: &mut found };
        collector.instruction(&directive.instruction);
    }
    found.sort_unstable_by_key(|mention| mention.span);
    found
}

struct Collector<'a> {
    text: &'a str,
    directive: usize,
    found: &'a mut Vec<Mention>,
}

impl Collector<'_> {
    fn instruction(&mut self, instruction: &Instruction) {
        match instruction {
            Instruction::Env(pairs) => {
                for pair in pairs {
                    self.expansions(&pair.value);
                    self.word(&pair.key, Role::Value);
                }
            }
            Instruction::SecretEnv(names) => {
                names.iter().for_each(|name| self.word(name, Role::Secret));
            }
            Instruction::BuildEnv(names) => {
                names.iter().for_each(|name| self.word(name, Role::Key));
            }
            Instruction::SkipIf(conditions) => {
                conditions.iter().for_each(|condition| self.word(&condition.name, Role::Use));
            }
            Instruction::Run(run) => {
                self.expansions(&run.command);
                self.shell_values(&run.command);
            }
            Instruction::ExposeWebsite(website) => self.expansions(&website.path),
            _ => {}
        }
    }

    fn word(&mut self, word: &Word, role: Role) {
        self.push(word.value.clone(), word.span, role);
    }

    fn push(&mut self, name: String, span: Span, role: Role) {
        self.found.push(Mention { name, span, directive: self.directive, role });
    }

    /// `$NAME` and `${NAME…}` in shell text.
    fn expansions(&mut self, word: &Word) {
        if !word.value.contains('$') {
            return;
        }
        let embedded = Embedded::of(self.text, word);
        for variable in shell::variable_uses(embedded.text()) {
            let name = embedded.text().get(variable.name.clone()).unwrap_or_default().to_owned();
            self.push(name, embedded.span(variable.name), Role::Use);
        }
    }

    /// `NAME=value` in front of a command, and behind `export`.
    fn shell_values(&mut self, word: &Word) {
        if !word.value.contains('=') {
            return;
        }
        let embedded = Embedded::of(self.text, word);
        for command in shell::commands(embedded.text()) {
            let exports =
                command.words.first().and_then(|first| embedded.text().get(first.clone()));
            let exported = command.words.iter().skip(1).filter(|_| exports == Some("export"));
            for range in command.assignments.iter().chain(exported) {
                let text = embedded.text().get(range.clone()).unwrap_or_default();
                let Some((name, _)) = text.split_once('=').filter(|(name, _)| shell::is_name(name))
                else {
                    continue;
                };
                let span = embedded.span(range.start..range.start + name.len());
                self.push(name.to_owned(), span, Role::ShellValue);
            }
        }
    }
}
