//! An instruction becomes what the executor does: repository paths resolved, everything else as written.
//!
//! Instructions that do not act on the machine (FROM, MEMORY, LABEL, WAIT, SPLIT, BUTTON) have no action; they are
//! structure, and [`crate::build()`] deals with them.

use crate::plan::{Action, CommandMode, SkipComparison, SkipCondition};
use layerc_compiler::directive::{
    Checkpoint, Clone_, Comparison, Condition, Copy, EnvPair, ExposeWebsite, Instruction, RunMode,
    Scheme, Word,
};
use layerc_compiler::project::LinkedDirective;
use layerc_compiler::repo_path::RepoPath;

/// A source of COPY that climbs out of the repository, as written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LeavesRepository(pub(crate) String);

/// What the instruction does to the machine; `None` if nothing.
pub(crate) fn action(
    linked: &LinkedDirective,
    directory: &RepoPath,
) -> Result<Option<Action>, LeavesRepository> {
    Ok(Some(match &linked.directive.instruction {
        Instruction::Run(run) => {
            Action::Run { mode: command_mode(run.mode), command: run.command.value.clone() }
        }
        Instruction::Copy(copy) => copy_action(copy, directory)?,
        Instruction::Env(pairs) => Action::Env { pairs: pairs.iter().map(env_pair).collect() },
        Instruction::BuildEnv(names) => Action::BuildEnv { names: texts(names) },
        Instruction::SecretEnv(names) => Action::SecretEnv { names: texts(names) },
        Instruction::Cache(paths) => Action::Cache { paths: texts(paths) },
        Instruction::Checkpoint(Checkpoint::Here) => Action::Checkpoint { name: None },
        Instruction::Checkpoint(Checkpoint::Named(name)) => {
            Action::Checkpoint { name: Some(name.value.clone()) }
        }
        Instruction::ExposeWebsite(website) => website_action(website),
        Instruction::ExposeTcp(tcp) => {
            Action::ExposeTcp { source: tcp.source.value, destination: tcp.destination.value }
        }
        Instruction::SetupFile(_) => Action::SetupFile { paths: linked.setup_files.clone() },
        Instruction::User(name) => Action::User { name: name.value.clone() },
        Instruction::Workdir(path) => Action::Workdir { path: path.value.clone() },
        Instruction::Clone(clone) => clone_action(clone),
        Instruction::SkipIf(conditions) => {
            Action::SkipIf { conditions: conditions.iter().map(condition).collect() }
        }
        Instruction::Aws(_) => Action::Unsupported { keyword: "AWS".to_owned() },
        Instruction::Artifact(_) => Action::Unsupported { keyword: "ARTIFACT".to_owned() },
        Instruction::From(_)
        | Instruction::Checkpoint(Checkpoint::Disabled)
        | Instruction::Memory(_)
        | Instruction::Split(_)
        | Instruction::Wait(_)
        | Instruction::Button(_)
        | Instruction::Label(_) => return Ok(None),
    }))
}

fn texts(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.value.clone()).collect()
}

fn command_mode(mode: RunMode) -> CommandMode {
    match mode {
        RunMode::Plain => CommandMode::Plain,
        RunMode::Background => CommandMode::Background,
        RunMode::Repeatable => CommandMode::Repeatable,
    }
}

fn copy_action(copy: &Copy, directory: &RepoPath) -> Result<Action, LeavesRepository> {
    let resolve = |word: &Word| {
        RepoPath::resolve(directory, &word.value)
            .map(|path| path.as_str().to_owned())
            .ok_or_else(|| LeavesRepository(word.value.clone()))
    };
    let sources = copy.sources.iter().map(resolve).collect::<Result<_, _>>()?;
    Ok(Action::Copy { sources, destination: copy.destination.value.clone() })
}

fn env_pair(pair: &EnvPair) -> (String, String) {
    (pair.key.value.clone(), pair.value.value.clone())
}

fn website_action(website: &ExposeWebsite) -> Action {
    Action::ExposeWebsite {
        tls: website.scheme == Scheme::Https,
        port: website.port,
        path: website.path.value.clone(),
        rewrite: website.rewrite.as_ref().map(|rewrite| rewrite.value.clone()),
    }
}

fn clone_action(clone: &Clone_) -> Action {
    Action::Clone {
        url: clone.url.value.clone(),
        default_branch: clone.default_branch.as_ref().map(|branch| branch.value.clone()),
        sources: texts(&clone.sources),
        destination: clone.destination.value.clone(),
    }
}

fn condition(condition: &Condition) -> SkipCondition {
    let comparison = match condition.comparison {
        Comparison::Equal => SkipComparison::Equal,
        Comparison::NotEqual => SkipComparison::NotEqual,
        Comparison::Matches => SkipComparison::Matches,
        Comparison::NotMatches => SkipComparison::NotMatches,
    };
    SkipCondition {
        name: condition.name.value.clone(),
        comparison,
        value: condition.value.value.clone(),
    }
}
