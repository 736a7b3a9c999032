//! A stretch of instructions that is to become part of another file, and what can't.

use super::change::{Edit, Refusal};
use super::references;
use super::repository::Repository;
use layerc_compiler::directive::{Checkpoint, Instruction};
use layerc_compiler::project::{LinkedDirective, LinkedFile};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::Span;

/// Variables whose value is another one in every runner, so that a command which reads them can't change its runner.
const RUNNER_VARIABLES: [&str; 6] = [
    "EXPOSE_WEBSITE_HOST",
    "EXPOSE_WEBSITE_URL",
    "RUNNER_ID",
    "LAYERCI_RUNNER_ID",
    "RETRY_INDEX",
    "SPLIT",
];

/// Why an instruction has to stay in its file.
pub(crate) fn stays(
    repository: &Repository<'_>,
    file: &LinkedFile,
    linked: &LinkedDirective,
) -> Option<&'static str> {
    match linked.directive.instruction {
        Instruction::Split(_) => Some("SPLIT: no file can start from one that is split"),
        Instruction::SkipIf(_) => Some("SKIP REMAINING IF: it ends only the file that it is in"),
        Instruction::ExposeWebsite(_) | Instruction::ExposeTcp(_) => {
            Some("EXPOSE: it belongs to the runner of its file")
        }
        Instruction::Button(_) => Some("BUTTON: it would be pressed for another file"),
        Instruction::From(_) => Some("FROM"),
        _ => {
            let text = repository.part(file, linked.directive.span).unwrap_or_default();
            let reads = RUNNER_VARIABLES.iter().any(|name| names_variable(text, name));
            reads.then_some("a variable whose value differs between runners")
        }
    }
}

fn names_variable(text: &str, name: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.match_indices(name).any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// Refuses a stretch of which an instruction has to stay.
pub(crate) fn refuse_staying(
    repository: &Repository<'_>,
    file: &LinkedFile,
    moving: &[LinkedDirective],
) -> Result<(), Refusal> {
    let reason = moving
        .iter()
        .find_map(|linked| stays(repository, file, linked).map(|reason| (linked.line, reason)));
    match reason {
        Some((line, reason)) => Err(Refusal::because(format!("line {line} can't move: {reason}"))),
        None => Ok(()),
    }
}

/// Whether snapshots are forbidden behind these instructions.
pub(crate) fn ends_disabled(directives: &[LinkedDirective]) -> bool {
    let mut checkpoints =
        directives.iter().filter_map(|linked| match &linked.directive.instruction {
            Instruction::Checkpoint(checkpoint) => Some(checkpoint),
            _ => None,
        });
    checkpoints.next_back().is_some_and(|last| *last == Checkpoint::Disabled)
}

/// Whether an instruction is about how its own file is shown, and so never moves.
pub(crate) fn is_label(linked: &LinkedDirective) -> bool {
    matches!(linked.directive.instruction, Instruction::Label(_))
}

/// The text of a stretch for a file in `directory`: paths respelled, LABELs taken out.
pub(crate) fn text_for(
    repository: &Repository<'_>,
    file: &LinkedFile,
    moving: &[LinkedDirective],
    span: Span,
    directory: &RepoPath,
) -> Result<String, Refusal> {
    let text = repository.text(file)?;
    let mut edits = references::respelled(file, moving, directory);
    for label in moving.iter().filter(|linked| is_label(linked)) {
        edits.push(Edit {
            span: whole_line(text, label.directive.span),
            replacement: String::new(),
        });
    }
    let part = repository.part(file, span)?;
    super::change::edited(part, span.start(), &edits)
        .ok_or_else(|| Refusal::because("two of these instructions overlap"))
}

/// The texts of the LABELs among these instructions, each on its line.
pub(crate) fn labels(
    repository: &Repository<'_>,
    file: &LinkedFile,
    moving: &[LinkedDirective],
) -> Result<String, Refusal> {
    let labels = moving.iter().filter(|linked| is_label(linked));
    let texts =
        labels.map(|label| Ok(format!("{}\n", repository.part(file, label.directive.span)?)));
    texts.collect()
}

/// A span with the rest of its last line and its line end.
pub(crate) fn whole_line(text: &str, span: Span) -> Span {
    let behind = text.get(span.end() as usize..).unwrap_or_default();
    let length = behind.find('\n').map_or(behind.len(), |end| end + 1);
    Span::new(span.start(), span.end() + u32::try_from(length).unwrap_or(0))
}
