//! Statements to instructions: one file per family of argument grammars.
//!
//! Shapes are chumsky grammars over the arguments of one statement; what the words of a well-shaped statement mean is
//! judged by plain functions, so that every sentence a user reads is ours.

mod aws;
mod clone;
mod comments;
mod copy;
mod env;
mod expose;
mod from;
mod label;
mod numbers;
mod paths;
mod run;
mod shape;
mod skip;
mod spacing;

use super::reporter::{Reporter, WithFix};
use super::statement::{Argument, Statement};
use crate::catalog::DirectiveKind;
use crate::directive::{Directive, Instruction};

/// Reads one statement; `None` when an error was reported for it.
pub(super) fn read(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Directive> {
    spacing::check(statement, reporter);
    comments::check(statement, reporter);
    let instruction = read_instruction(statement, reporter)?;
    let keyword = reporter.span(statement.keyword.clone());
    Some(Directive { instruction, keyword, span: reporter.span(statement.range()) })
}

fn read_instruction(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Instruction> {
    match statement.info.kind {
        DirectiveKind::From => from::read(statement, reporter),
        DirectiveKind::Run | DirectiveKind::RunBackground | DirectiveKind::RunRepeatable => {
            run::read_run(statement, reporter)
        }
        DirectiveKind::Button => run::read_button(statement, reporter),
        DirectiveKind::Copy => copy::read(statement, reporter),
        DirectiveKind::Env => env::read(statement, reporter),
        DirectiveKind::BuildEnv => env::read_names(statement, reporter).map(Instruction::BuildEnv),
        DirectiveKind::SecretEnv => {
            env::read_names(statement, reporter).map(Instruction::SecretEnv)
        }
        DirectiveKind::Cache => paths::read_paths(statement, reporter).map(Instruction::Cache),
        DirectiveKind::SetupFile => {
            paths::read_paths(statement, reporter).map(Instruction::SetupFile)
        }
        DirectiveKind::Wait => paths::read_paths(statement, reporter).map(Instruction::Wait),
        DirectiveKind::Workdir => paths::read_path(statement, reporter).map(Instruction::Workdir),
        DirectiveKind::Artifact => paths::read_artifact(statement, reporter),
        DirectiveKind::Checkpoint => paths::read_checkpoint(statement, reporter),
        DirectiveKind::ExposeWebsite => expose::read_website(statement, reporter),
        DirectiveKind::ExposeTcp => expose::read_tcp(statement, reporter),
        DirectiveKind::Memory => numbers::read_memory(statement, reporter),
        DirectiveKind::Split => numbers::read_split(statement, reporter),
        DirectiveKind::User => numbers::read_user(statement, reporter),
        DirectiveKind::Clone => clone::read(statement, reporter),
        DirectiveKind::Label => label::read(statement, reporter),
        DirectiveKind::SkipIf => skip::read(statement, reporter),
        DirectiveKind::Aws => aws::read(statement, reporter),
    }
}
