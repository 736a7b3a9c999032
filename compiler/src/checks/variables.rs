//! Built-in variables: names that don't exist, names that were replaced, and the one that BUILD ENV can't have.

use super::Refutation;
use super::{Checked, File, Located, found};
use crate::catalog::{BuildEnvUse, VARIABLES, variable};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::directive::{EnvPair, Instruction, Word};
use crate::nearest::nearest;
use crate::rules;
use crate::shell;
use crate::span::Span;
use std::borrow::Cow;

/// What an unknown name means in a condition.
const IN_CONDITION: &str =
    "an unknown variable counts as empty, so this always comes out the same way";
/// What an unknown name means in BUILD ENV.
const IN_BUILD_ENV: &str =
    "only built-in variables differ between runs; what ENV sets counts without BUILD ENV";

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    for directive in file.directives() {
        match &directive.instruction {
            Instruction::BuildEnv(names) => {
                names.iter().for_each(|name| build_env_name(file, name, checked));
            }
            Instruction::SkipIf(conditions) => {
                for condition in conditions {
                    variable_name(file, &condition.name, IN_CONDITION, checked);
                }
            }
            Instruction::Run(run) => uses(file, &run.command, checked),
            Instruction::Env(pairs) => {
                pairs.iter().for_each(|EnvPair { value, .. }| uses(file, value, checked));
            }
            _ => {}
        }
    }
}

fn build_env_name(file: &File<'_>, name: &Word, checked: &mut Checked) {
    let forbidden =
        |name: &str| variable(name).is_some_and(|info| info.build_env == BuildEnvUse::Forbidden);
    if !forbidden(&name.value) {
        return variable_name(file, name, IN_BUILD_ENV, checked);
    }
    let message = format!(
        "`{}` can't be a BUILD ENV: it differs in every run, so nothing would be cached",
        name.value
    );
    let help = "RUN sees the variable without BUILD ENV; remove it here";
    checked.add(found(&rules::EXPOSE_HOST_IN_BUILD_ENV, name.span, message).with_help(help));
}

/// The name of a variable that should be built in, in BUILD ENV or SKIP REMAINING IF; `unknown` helps if it isn't.
fn variable_name(file: &File<'_>, name: &Word, unknown: &str, checked: &mut Checked) {
    if file.facts.defines.contains(&name.value) {
        return;
    }
    if let Some(now) = replacement(&name.value) {
        return checked.defer(
            Refutation::Defines(name.value.clone()),
            deprecated(&name.value, &now, name.span),
        );
    }
    if variable(&name.value).is_some() {
        return;
    }
    let message = format!("`{}` is no built-in variable", name.value);
    let finding = found(&rules::UNKNOWN_VARIABLE, name.span, message);
    let current = VARIABLES.iter().filter(|info| info.replaced_by.is_none()).map(|info| info.name);
    let near = nearest(&name.value, current);
    let finding = match (near.unique(), near.question()) {
        (Some(meant), Some(question)) => finding.with_help(question).with_fix(
            format!("write `{meant}`"),
            Applicability::Suggestion,
            name.span,
            meant,
        ),
        (_, Some(question)) => finding.with_help(question),
        _ => finding.with_help(unknown),
    };
    checked.defer(Refutation::Defines(name.value.clone()), finding);
}

/// Uses of replaced variables in shell text.
fn uses(file: &File<'_>, word: &Word, checked: &mut Checked) {
    if !word.value.contains("LAYER") && !word.value.contains("_URL") {
        return;
    }
    let mut located: Option<Located<'_>> = None;
    for found in shell::variable_uses(&word.value) {
        let Some(name) = word.value.get(found.name.clone()) else { continue };
        let Some(now) = replacement(name) else { continue };
        if file.facts.defines.contains(name) || word.value.contains(&format!("{name}=")) {
            continue;
        }
        let span = located.get_or_insert_with(|| file.located(word)).span(&found.name);
        checked.defer(Refutation::Defines(name.to_owned()), deprecated(name, &now, span));
    }
}

fn deprecated(name: &str, now: &str, span: Span) -> Diagnostic {
    found(&rules::DEPRECATED_VARIABLE, span, format!("`{name}` was replaced by `{now}`")).with_fix(
        format!("write `{now}`"),
        Applicability::Safe,
        span,
        now,
    )
}

/// What is written instead of an old name, or of the slip `LAYER_CI_…` for one.
/// `LAYERCI` itself stays: programs look for it to know where they run.
fn replacement(name: &str) -> Option<Cow<'static, str>> {
    let name: Cow<'_, str> = match name.strip_prefix("LAYER_CI_") {
        Some(rest) => format!("LAYERCI_{rest}").into(),
        None => name.into(),
    };
    let now = variable(&name)?.replaced_by?;
    (name != "LAYERCI").then_some(Cow::Borrowed(now))
}
