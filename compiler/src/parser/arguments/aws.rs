//! AWS: a subcommand and `--key=value` options; read for tools, of use on the vendor's hosts only.

use super::shape::{Misfit, expect_words, fit_word};
use super::{Argument, Reporter, Statement};
use crate::directive::{Aws, Instruction, LabelPair};
use crate::rules;
use chumsky::prelude::{Parser, any, just};

fn option<'text>() -> impl Parser<'text, &'text str, (&'text str, &'text str), Misfit> {
    let key = any().filter(|character: &char| {
        character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
    });
    let value = any().repeated().to_slice();
    just("--").ignore_then(key.repeated().at_least(1).to_slice()).then_ignore(just('=')).then(value)
}

/// One subcommand, then options.
pub(super) fn read(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Instruction> {
    let message = "`AWS` only works on the vendor's hosts";
    let help = "install the command with `RUN` and give it credentials with `SECRET ENV`";
    reporter.say(
        reporter.at(&rules::VENDOR_HOSTED, statement.keyword.clone(), message).with_help(help),
    );
    let words = expect_words(statement, 1..=usize::MAX, reporter)?;
    let (subcommand, rest) = words.split_first()?;
    if subcommand.text.starts_with("--") {
        let message = format!("expected a subcommand, found `{}`", subcommand.text);
        let help = "write the subcommand first: `AWS link --region=us-east-1`";
        reporter.say(reporter.at(&rules::AWS_OPTIONS, subcommand.range(), message).with_help(help));
        return None;
    }
    let options: Vec<_> = rest.iter().map(|word| read_option(word, reporter)).collect();
    let options = options.into_iter().collect::<Option<Vec<_>>>()?;
    Some(Instruction::Aws(Aws {
        subcommand: reporter.word(subcommand.text, subcommand.range()),
        options,
    }))
}

fn read_option(word: &Argument<'_>, reporter: &mut Reporter<'_>) -> Option<LabelPair> {
    let Some((key, value)) = fit_word(word.text, option()) else {
        let message = format!("`{}` is not `--key=value`", word.text);
        let help = "options are written in one word, with `=` before the value";
        reporter.say(reporter.at(&rules::AWS_OPTIONS, word.range(), message).with_help(help));
        return None;
    };
    let value_start = word.text.len() - value.len();
    let key_range = word.part(value_start - 1 - key.len()..value_start - 1);
    let bare: String = value.chars().filter(|character| !matches!(character, '"' | '\'')).collect();
    Some(LabelPair {
        key: reporter.word(key, key_range),
        value: reporter.word(&bare, word.part(value_start..word.text.len())),
    })
}
