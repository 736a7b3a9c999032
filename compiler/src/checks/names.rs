//! Words of lists and paths: repetitions, shell variables where no shell reads, and instructions with conditions.

use super::{Checked, File, found, without_word};
use crate::diagnostic::Applicability;
use crate::directive::{Checkpoint, Directive, Instruction, Word};
use crate::rules;
use crate::shell;
use crate::span::{OWN_FILE, Span};
use std::collections::BTreeMap;

pub(super) fn check(file: &File<'_>, checked: &mut Checked) {
    repeated(file, checked);
    checkpoint(file, checked);
    splits(file, checked);
    for directive in file.directives() {
        match &directive.instruction {
            Instruction::Workdir(path) => not_expanded(file, path, checked),
            Instruction::Copy(copy) => {
                copy.sources
                    .iter()
                    .chain([&copy.destination])
                    .for_each(|path| not_expanded(file, path, checked));
            }
            Instruction::Cache(paths) | Instruction::SetupFile(paths) => {
                paths.iter().for_each(|path| not_expanded(file, path, checked));
            }
            Instruction::Aws(_) => {
                let message = "AWS works only on the service that this language comes from";
                let help =
                    "install the `aws` program in a RUN and give it its keys through SECRET ENV";
                checked.add(found(&rules::VENDOR_ONLY, directive.span, message).with_help(help));
            }
            _ => {}
        }
    }
}

/// Names that a list directive was given before.
fn repeated(file: &File<'_>, checked: &mut Checked) {
    let mut seen: BTreeMap<(&'static str, &str), Span> = BTreeMap::new();
    for directive in file.directives() {
        let (keyword, words) = match &directive.instruction {
            Instruction::BuildEnv(words) => ("BUILD ENV", words),
            Instruction::SecretEnv(words) => ("SECRET ENV", words),
            Instruction::Cache(words) => ("CACHE", words),
            Instruction::SetupFile(words) => ("SETUP FILE", words),
            _ => continue,
        };
        for word in words {
            match seen.get(&(keyword, word.value.as_str())) {
                Some(first) => checked.add(repetition(directive, keyword, words, word, *first)),
                None => {
                    seen.insert((keyword, &word.value), word.span);
                }
            }
        }
    }
}

fn repetition(
    directive: &Directive,
    keyword: &str,
    words: &[Word],
    word: &Word,
    first: Span,
) -> crate::diagnostic::Diagnostic {
    let message = format!("{keyword} was already given `{}`", word.value);
    found(&rules::REPEATED_NAME, word.span, message).with_related(OWN_FILE, first, "here").with_fix(
        "remove the repetition",
        Applicability::Safe,
        without_word(directive, words, word.span),
        "",
    )
}

/// CHECKPOINT disabled, and no CHECKPOINT up to the end.
fn checkpoint(file: &File<'_>, checked: &mut Checked) {
    let mut disabled: Option<Span> = None;
    let mut runs = 0_u32;
    for directive in file.directives() {
        match &directive.instruction {
            Instruction::Checkpoint(Checkpoint::Disabled) if disabled.is_none() => {
                disabled = Some(directive.span);
                runs = 0;
            }
            Instruction::Checkpoint(Checkpoint::Here | Checkpoint::Named(_)) => disabled = None,
            Instruction::Run(_) => runs += 1,
            _ => {}
        }
    }
    if let Some(span) = disabled.filter(|_| runs > 1) {
        let message = format!(
            "no snapshots to the end of the file: its {runs} steps all run again if one changes"
        );
        let finding = found(&rules::CHECKPOINT_STAYS_DISABLED, span, message);
        checked.add(
            finding.with_help(
                "a bare CHECKPOINT below the steps in question turns snapshots on again",
            ),
        );
    }
}

/// A second SPLIT: how many copies, and which index do they see?
fn splits(file: &File<'_>, checked: &mut Checked) {
    let mut splits = file
        .directives()
        .filter(|directive| matches!(directive.instruction, Instruction::Split(_)));
    let Some(first) = splits.next() else { return };
    for split in splits {
        let message = "a machine can be split once only";
        let finding = found(&rules::SEVERAL_SPLITS, split.span, message)
            .with_related(OWN_FILE, first.span, "split here")
            .with_help("split once, into the product of both numbers");
        checked.add(finding);
    }
}

/// A shell variable in a path that no shell ever reads.
fn not_expanded(file: &File<'_>, path: &Word, checked: &mut Checked) {
    if !path.value.contains('$') {
        return;
    }
    let Some(first) = shell::variable_uses(&path.value).into_iter().next() else { return };
    let span = file.located(path).span(&(0..path.value.len()));
    let name = path.value.get(first.name).unwrap_or_default();
    let message = format!("`${name}` isn't expanded here: the path is taken as it is written");
    let finding = found(&rules::NOT_EXPANDED, span, message);
    let home = ["$HOME", "${HOME}"].into_iter().find_map(|home| path.value.strip_prefix(home));
    checked.add(
        match home.filter(|rest| (rest.is_empty() || rest.starts_with('/')) && !rest.contains('$'))
        {
            Some(rest) => finding.with_help("the home directory is written `~`").with_fix(
                format!("write `~{rest}`"),
                Applicability::Safe,
                span,
                format!("~{rest}"),
            ),
            None => finding.with_help("write the path out; only RUN and ENV are read by a shell"),
        },
    );
}
