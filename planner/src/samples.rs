//! Projects made by hand, for the tests of this crate: just enough words to say what a Layerfile holds.

use layerc_compiler::directive::{
    Checkpoint, Comparison, Condition, Copy, Directive, EnvPair, FromSource, Instruction,
    LabelPair, Memory, Run, RunMode, Split, SplitOrder, Word,
};
use layerc_compiler::project::{LinkedDirective, LinkedFile, Parent, Project};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::{FileId, Span, Spanned};
use std::sync::Arc;

/// A word at no place in particular.
pub(crate) fn word(text: &str) -> Word {
    Spanned::new(text.to_owned(), Span::empty(0))
}

/// `RUN command`.
pub(crate) fn run(command: &str) -> Instruction {
    Instruction::Run(Run { mode: RunMode::Plain, command: word(command) })
}

/// `COPY source… destination`.
pub(crate) fn copy(sources: &[&str], destination: &str) -> Instruction {
    let sources = sources.iter().map(|source| word(source)).collect();
    Instruction::Copy(Copy { sources, destination: word(destination) })
}

/// `ENV key=value`.
pub(crate) fn env(key: &str, value: &str) -> Instruction {
    Instruction::Env(vec![EnvPair { key: word(key), value: word(value) }])
}

/// `LABEL key=value`.
pub(crate) fn label(key: &str, value: &str) -> Instruction {
    Instruction::Label(vec![LabelPair { key: word(key), value: word(value) }])
}

/// `MEMORY`, in GiB.
pub(crate) fn memory_gib(gib: u64) -> Instruction {
    Instruction::Memory(Memory { bytes: gib << 30, text: word(&format!("{gib}G")) })
}

/// `SPLIT copies`.
pub(crate) fn split(copies: u32) -> Instruction {
    Instruction::Split(Split {
        copies: Spanned::new(copies, Span::empty(0)),
        order: SplitOrder::Ordered,
    })
}

/// `BUTTON message`.
pub(crate) fn button(message: &str) -> Instruction {
    Instruction::Button(word(message))
}

/// `CHECKPOINT`, `CHECKPOINT disabled` or `CHECKPOINT name`.
pub(crate) fn checkpoint(name: Option<&str>) -> Instruction {
    Instruction::Checkpoint(match name {
        None => Checkpoint::Here,
        Some("disabled") => Checkpoint::Disabled,
        Some(name) => Checkpoint::Named(word(name)),
    })
}

/// `SECRET ENV name`.
pub(crate) fn secret(name: &str) -> Instruction {
    Instruction::SecretEnv(vec![word(name)])
}

/// `SKIP REMAINING IF name=value`.
pub(crate) fn skip_if(name: &str, value: &str) -> Instruction {
    Instruction::SkipIf(vec![Condition {
        name: word(name),
        comparison: Comparison::Equal,
        value: word(value),
    }])
}

/// `WAIT`, to be given its targets by [`project`].
pub(crate) fn wait(targets: &[&str]) -> Instruction {
    Instruction::Wait(targets.iter().map(|target| word(target)).collect())
}

/// One file: its directory, what FROM names (a directory of the project or an image) and the rest.
pub(crate) type Sample<'text> = (&'text str, &'text str, Vec<Instruction>);

/// The project of these files, which must be sorted by directory. FROM and WAIT name directories of it.
pub(crate) fn project(samples: Vec<Sample<'_>>) -> Project {
    let directories: Vec<String> =
        samples.iter().map(|(directory, ..)| (*directory).to_owned()).collect();
    let find = |name: &str| {
        directories
            .iter()
            .position(|directory| directory == name)
            .map(|index| FileId::new(index as u32))
    };
    let files = samples.into_iter().map(|sample| linked_file(sample, &find)).collect();
    Project { files }
}

fn linked_file(
    (directory, from, rest): Sample<'_>,
    find: &dyn Fn(&str) -> Option<FileId>,
) -> LinkedFile {
    let directory = RepoPath::new(directory).expect("a path in the repository");
    let first = Instruction::From(FromSource::Path(word(from)));
    let instructions = std::iter::once(first).chain(rest).zip(1..);
    LinkedFile {
        path: directory.join("Layerfile").expect("a path in the repository"),
        directory,
        digest: [7; 32],
        directives: instructions
            .map(|(instruction, line)| linked_directive(instruction, line, find))
            .collect(),
        parent: find(from).map_or_else(|| Parent::Image(from.to_owned()), Parent::File),
        has_errors: false,
    }
}

fn linked_directive(
    instruction: Instruction,
    line: u32,
    find: &dyn Fn(&str) -> Option<FileId>,
) -> LinkedDirective {
    let waits = match &instruction {
        Instruction::Wait(targets) => {
            targets.iter().filter_map(|target| find(&target.value)).collect()
        }
        _ => Vec::new(),
    };
    let span = Span::empty(0);
    LinkedDirective {
        directive: Arc::new(Directive { instruction, keyword: span, span }),
        line,
        waits,
        setup_files: Vec::new(),
        span,
    }
}

/// A web service: a base, unit tests, a split suite and a deployment behind a button.
pub(crate) fn web_service() -> Project {
    project(vec![
        (
            "base",
            "vm/ubuntu:18.04",
            vec![memory_gib(2), env("NODE", "\"14\""), run("apt-get install nodejs")],
        ),
        (
            "deploy",
            "base",
            vec![
                memory_gib(1),
                label("display_name", "ship"),
                label("STATUS", "Hidden"),
                wait(&["suite", "unit"]),
                button("deploy now?"),
                run("./deploy"),
            ],
        ),
        (
            "suite",
            "base",
            vec![
                split(3),
                env("SUITE", "s$SPLIT_NUM-$NODE"),
                checkpoint(Some("disabled")),
                run("npm t"),
            ],
        ),
        (
            "unit",
            "base",
            vec![
                copy(&[".", "/package.json"], "/app/"),
                checkpoint(Some("disabled")),
                run("npm ci"),
                checkpoint(None),
                run("npm run unit"),
            ],
        ),
    ])
}
