//! ENV: values that are replaced before anything could use them.
//!
//! Only instructions that start nothing and read no variable may stand between the two; everything else counts as a use.

use super::{Checked, File, found, without_word};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::directive::{Directive, EnvPair, Instruction, Word};
use crate::rules;
use crate::shell;
use crate::span::{OWN_FILE, Span};
use std::collections::BTreeMap;

/// A value that nothing has used yet.
type Unused<'a> = (&'a Directive, &'a [EnvPair], &'a EnvPair);

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    let mut unused: BTreeMap<&str, Unused<'_>> = BTreeMap::new();
    for directive in file.directives() {
        match &directive.instruction {
            Instruction::Env(pairs) => {
                for pair in pairs {
                    forget_used(&mut unused, &pair.value.value);
                    let key = pair.key.value.as_str();
                    if let Some(replaced) = unused.remove(key) {
                        checked.add(finding(replaced, pair));
                    }
                    // A command may be there for what else it does.
                    if !runs_command(&pair.value.value) {
                        unused.insert(key, (directive, pairs, pair));
                    }
                }
            }
            Instruction::Memory(_)
            | Instruction::Label(_)
            | Instruction::Workdir(_)
            | Instruction::User(_)
            | Instruction::Cache(_) => {}
            _ => unused.clear(),
        }
    }
}

/// What a value names is used; a command in it sees all of them.
fn forget_used(unused: &mut BTreeMap<&str, Unused<'_>>, value: &str) {
    if runs_command(value) {
        unused.clear();
    }
    for used in shell::variable_uses(value) {
        unused.remove(value.get(used.name).unwrap_or_default());
    }
}

fn runs_command(value: &str) -> bool {
    value.contains('`') || value.contains("$(")
}

fn finding((directive, pairs, pair): Unused<'_>, by: &EnvPair) -> Diagnostic {
    let message = format!("this value of `{}` is replaced before anything uses it", pair.key.value);
    let whole = |pair: &EnvPair| Span::new(pair.key.span.start(), pair.value.span.end());
    let words: Vec<Word> =
        pairs.iter().map(|pair| Word { value: String::new(), span: whole(pair) }).collect();
    let span = whole(pair);
    found(&rules::ENV_REPLACED, span, message)
        .with_related(OWN_FILE, whole(by), "replaced here")
        .with_fix(
            "remove the value that nothing uses",
            Applicability::Suggestion,
            without_word(directive, &words, span),
            "",
        )
}
