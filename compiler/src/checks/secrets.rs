//! SECRET ENV: values that a RUN prints, or writes where other runs can read them.
//!
//! Only plain cases are reported: a command in a pipe, in brackets or with its output redirected is trusted.

use super::Inherited;
use super::{Checked, File, found};
use crate::catalog::variable;
use crate::diagnostic::Diagnostic;
use crate::directive::{FromSource, Instruction, Word};
use crate::rules;
use crate::shell::{self, Command, CommandEnd, Expansion, Nesting};
use crate::span::{OWN_FILE, Span};
use std::collections::BTreeMap;
use std::ops::Range;

/// Commands that keep credentials in a directory of their own.
const CREDENTIAL_KEEPERS: [(&str, &str, &str); 3] = [
    ("docker", "login", "~/.docker"),
    ("aws", "configure", "~/.aws"),
    ("gcloud", "auth", "~/.config/gcloud"),
];

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    let mut secrets: BTreeMap<&str, Span> = BTreeMap::new();
    let mut caches: Vec<&Word> = Vec::new();
    let inherits = file.directives().any(|directive| {
        matches!(
            &directive.instruction,
            Instruction::From(FromSource::Path(_) | FromSource::Bare(_))
        )
    });
    for directive in file.directives() {
        match &directive.instruction {
            Instruction::SecretEnv(names) => {
                secrets.extend(names.iter().map(|name| (name.value.as_str(), name.span)));
            }
            Instruction::Cache(paths) => caches.extend(paths),
            Instruction::Run(run) if inherits || !secrets.is_empty() => {
                if let Some(script) = Script::new(file, &run.command, &secrets) {
                    script.printed(checked);
                    script.environment(checked);
                    script.traced(checked);
                    script.cached(&caches, checked);
                }
            }
            _ => {}
        }
    }
}

/// Whether a command of a text may print all variables.
fn may_list_variables(text: &str) -> bool {
    ["env", "set", "export", "declare"].iter().any(|command| text.contains(command))
}

/// A RUN with the secrets it sees.
struct Script<'a> {
    file: &'a File<'a>,
    command: &'a Word,
    text: &'a str,
    commands: Vec<Command>,
    /// The uses of secrets: bytes of the name, and where SECRET ENV names it.
    uses: Vec<(Range<usize>, Span)>,
    /// The uses of variables that only an ancestor can define.
    foreign: Vec<Range<usize>>,
    secrets: &'a BTreeMap<&'a str, Span>,
}

impl<'a> Script<'a> {
    /// `None` if nothing in the text can show a secret, as in most.
    fn new(
        file: &'a File<'a>,
        command: &'a Word,
        secrets: &'a BTreeMap<&'a str, Span>,
    ) -> Option<Self> {
        let text = command.value.as_str();
        let lists = may_list_variables(text);
        if !lists && !text.contains('$') {
            return None;
        }
        let shown = shell::variable_uses(text).into_iter().filter(|found| {
            found.expansion == Expansion::Expanded && shows_value(text, &found.name)
        });
        let (mut uses, mut foreign) = (Vec::new(), Vec::new());
        for found in shown {
            let name = text.get(found.name.clone()).unwrap_or_default();
            match secrets.get(name) {
                Some(place) => uses.push((found.name, *place)),
                None if variable(name).is_none() && !file.facts.defines.contains(name) => {
                    foreign.push(found.name);
                }
                None => {}
            }
        }
        if !lists && uses.is_empty() && foreign.is_empty() {
            return None;
        }
        Some(Self { file, command, text, commands: shell::commands(text), uses, foreign, secrets })
    }

    fn span(&self, range: &Range<usize>) -> Span {
        self.file.located(self.command).span(range)
    }

    fn word(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The words of a command, its name first.
    fn words<'b>(&'b self, command: &'b Command) -> impl Iterator<Item = &'b str> {
        command.words.iter().map(|range| self.word(range))
    }

    /// The first secret that is used inside `range`.
    fn use_in(&self, range: &Range<usize>) -> Option<&(Range<usize>, Span)> {
        self.uses.iter().find(|(name, _)| range.start <= name.start && name.end <= range.end)
    }

    /// Commands whose output surely ends in the log.
    fn logged(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(|command| {
            command.nesting == Nesting::Top
                && command.end != CommandEnd::Pipe
                && command.outputs.is_empty()
        })
    }

    /// `echo $SECRET`.
    fn printed(&self, checked: &mut Checked) {
        let prints =
            |command: &&Command| matches!(self.words(command).next(), Some("echo" | "printf"));
        for range in self.logged().filter(prints).flat_map(|command| &command.words) {
            if let Some((name, place)) = self.use_in(range) {
                checked.add(self.print_finding(name).with_related(OWN_FILE, *place, "a secret"));
            }
            let inside = |name: &&Range<usize>| range.start <= name.start && name.end <= range.end;
            for name in self.foreign.iter().filter(inside) {
                let secret = Inherited::Named(self.word(name).to_owned());
                checked.if_inherited(secret, self.print_finding(name));
            }
        }
    }

    fn print_finding(&self, name: &Range<usize>) -> Diagnostic {
        let message = format!("prints the secret `{}` to the log", self.word(name));
        found(&rules::SECRET_PRINTED, self.span(name), message)
            .with_help("test for it without printing: `test -n \"$NAME\"`")
    }

    /// `printenv`, `env` and the like.
    fn environment(&self, checked: &mut Checked) {
        for command in self.logged() {
            let words: Vec<&str> = self.words(command).collect();
            let Some(range) = command.words.first() else { continue };
            let message = format!("`{}` prints secrets to the log", words.join(" "));
            let finding = || {
                found(&rules::ENVIRONMENT_PRINTED, self.span(range), message.clone())
                    .with_help("print the variables that matter by name")
            };
            let place = match words.as_slice() {
                ["env" | "printenv" | "export" | "set"] | ["export" | "declare", "-p"] => {
                    if self.secrets.is_empty() {
                        checked.if_inherited(Inherited::Any, finding());
                    }
                    self.secrets.values().next()
                }
                ["printenv", names @ ..] => names.iter().find_map(|name| self.secrets.get(*name)),
                _ => None,
            };
            if let Some(place) = place {
                checked.add(finding().with_related(OWN_FILE, *place, "a secret since here"));
            }
        }
    }

    /// `set -x`, and then a command with a secret.
    fn traced(&self, checked: &mut Checked) {
        let traces = |command: &&Command| match self.words(command).collect::<Vec<_>>().as_slice() {
            ["set", "-o", "xtrace"] => true,
            ["set", flag, ..] => flag
                .strip_prefix('-')
                .is_some_and(|letters| letters.contains('x') && letters.len() < 6),
            _ => false,
        };
        let Some(range) =
            self.commands.iter().find(traces).and_then(|command| command.words.first())
        else {
            return;
        };
        let Some((name, place)) = self.uses.iter().find(|(name, _)| name.start > range.end) else {
            return;
        };
        let message = format!("tracing prints the secret `{}` to the log", self.word(name));
        checked.add(
            found(&rules::ENVIRONMENT_PRINTED, self.span(range), message)
                .with_related(OWN_FILE, self.span(name), "printed with its value")
                .with_related(OWN_FILE, *place, "a secret")
                .with_help("leave tracing off where secrets are used"),
        );
    }

    /// A secret that is written below a CACHE path.
    fn cached(&self, caches: &[&Word], checked: &mut Checked) {
        if caches.is_empty() {
            return;
        }
        let mut in_pipeline = false;
        for command in &self.commands {
            let parts = command.words.iter().chain(&command.assignments);
            let uses_secret = parts.into_iter().any(|word| self.use_in(word).is_some());
            in_pipeline = in_pipeline || uses_secret;
            if in_pipeline {
                for output in self.written(command) {
                    self.report_cached(&output, caches, checked);
                }
            }
            in_pipeline = in_pipeline && command.end == CommandEnd::Pipe;
        }
    }

    /// The paths that a command writes, with the bytes that say so.
    fn written(&self, command: &Command) -> Vec<(Range<usize>, String)> {
        let named = |range: &Range<usize>| (range.clone(), shell::unquoted(self.word(range)));
        let mut written: Vec<_> = command.outputs.iter().map(named).collect();
        let mut words = command.words.iter();
        let (Some(name), second) = (words.next(), words.next()) else { return written };
        if self.word(name) == "tee" {
            written.extend(second.into_iter().chain(words).map(named));
        } else if let Some(second) = second {
            let keeps = |(program, subcommand, _): &&(&str, &str, &str)| {
                self.word(name) == *program && self.word(second) == *subcommand
            };
            let kept = CREDENTIAL_KEEPERS.iter().find(keeps);
            written.extend(kept.map(|(_, _, path)| (name.start..second.end, (*path).to_owned())));
        }
        written
    }

    fn report_cached(
        &self,
        (range, path): &(Range<usize>, String),
        caches: &[&Word],
        checked: &mut Checked,
    ) {
        let path = home_spelled_out(path);
        let inside = |cache: &&&Word| {
            let cache = home_spelled_out(&cache.value);
            path.strip_prefix(&cache).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let Some(cache) = caches.iter().find(inside) else { return };
        let message = format!("leaves a secret below `{}`, which later runs share", cache.value);
        checked.add(
            found(&rules::SECRET_IN_CACHE, self.span(range), message)
                .with_related(OWN_FILE, cache.span, "shared since here")
                .with_help("keep credentials outside of CACHE directories"),
        );
    }
}

/// Whether a use shows the value: `${#NAME}` and `${NAME:+text}` don't.
fn shows_value(text: &str, name: &Range<usize>) -> bool {
    let before = text.get(..name.start).unwrap_or_default();
    let after = text.get(name.end..).unwrap_or_default();
    let braced = before.ends_with('{');
    !before.ends_with("{#") && !(braced && (after.starts_with('+') || after.starts_with(":+")))
}

/// A path with its home directory written out (root's, where RUN starts) and without a trailing `/`.
fn home_spelled_out(path: &str) -> String {
    let rest = ["~", "$HOME", "${HOME}"].into_iter().find_map(|home| path.strip_prefix(home));
    let spelled = rest.map_or(path.to_owned(), |rest| format!("/root{rest}"));
    spelled.trim_end_matches('/').to_owned()
}
