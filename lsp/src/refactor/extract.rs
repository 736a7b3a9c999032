//! The first steps of a file become a file of their own, which the file then starts from.

use super::change::{Change, Edit, Operation, Promise, Refusal};
use super::references;
use super::repository::{LAYERFILE, Repository, from_directive};
use super::steps;
use layerc_compiler::directive::Instruction;
use layerc_compiler::project::{LinkedDirective, LinkedFile};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::{FileId, Span};

/// What the directory of a new parent is called.
pub(crate) const NEW_PARENT: &str = "base";

/// Moves the steps from FROM to the end of `selection` to a new Layerfile in the directory `base` beside this one.
///
/// # Errors
/// If no step is selected, the file has errors, or one of the steps has to stay.
pub fn extract_parent(
    repository: &Repository<'_>,
    id: FileId,
    selection: Span,
) -> Result<Change, Refusal> {
    let file = repository.sound_file(id)?;
    let from = from_directive(file)?;
    let last = file.directives.iter().rposition(|linked| {
        linked.directive.span.start() < selection.end()
            && selection.start() < linked.directive.span.end()
    });
    let selected = last.and_then(|last| file.directives.get(1..=last)).unwrap_or_default();
    let count =
        selected.iter().rposition(|linked| !steps::is_label(linked)).map_or(0, |last| last + 1);
    if count == 0 {
        return Err(Refusal::because(
            "select the steps that are to become a Layerfile of their own",
        ));
    }
    let moving = file.directives.get(1..=count).unwrap_or_default();
    let staying = file.directives.get(count + 1..).unwrap_or_default();
    steps::refuse_staying(repository, file, moving)?;
    let directory = repository.free_directory(&file.directory, NEW_PARENT)?;
    let parent = parent_text(repository, file, from, moving, staying, &directory)?;
    let span = moved_span(from, moving);
    let name = directory.file_name().unwrap_or(NEW_PARENT);
    let mut child = format!("FROM ./{name}\n{}", steps::labels(repository, file, moving)?);
    if steps::ends_disabled(moving) {
        child.push_str("CHECKPOINT disabled\n");
    }
    let replacement = child.trim_end().to_owned();
    let path =
        directory.join(LAYERFILE).ok_or_else(|| Refusal::because("the new path is no path"))?;
    Ok(Change {
        title: format!("extract {} to the new layer `{directory}`", counted(moving)),
        promise: Promise::SameMachines,
        operations: vec![
            Operation::Edit { path: file.path.clone(), edits: vec![Edit { span, replacement }] },
            Operation::Create { path, text: parent },
        ],
    })
}

fn counted(moving: &[LinkedDirective]) -> String {
    let number = moving.iter().filter(|linked| !steps::is_label(linked)).count();
    if number == 1 { "1 instruction".to_owned() } else { format!("{number} instructions") }
}

/// From FROM to the end of the last instruction.
pub(crate) fn moved_span(from: &LinkedDirective, moving: &[LinkedDirective]) -> Span {
    let last = moving.last().unwrap_or(from);
    from.directive.span.cover(last.directive.span)
}

/// FROM and the moved steps, for a file in `directory`. A machine is started with all the memory it ever needs, so the
/// largest MEMORY of the steps that stay comes along.
pub(crate) fn parent_text(
    repository: &Repository<'_>,
    file: &LinkedFile,
    from: &LinkedDirective,
    moving: &[LinkedDirective],
    staying: &[LinkedDirective],
    directory: &RepoPath,
) -> Result<String, Refusal> {
    let edits = references::respelled(file, [from], directory);
    let from_text = repository.part(file, from.directive.span)?;
    let from_text = super::change::edited(from_text, from.directive.span.start(), &edits)
        .ok_or_else(|| Refusal::because("the text has changed in the meantime"))?;
    let behind = Span::new(from.directive.span.end(), moved_span(from, moving).end());
    let steps_text = steps::text_for(repository, file, moving, behind, directory)?;
    let memory = largest_memory(staying)
        .filter(|(bytes, _)| largest_memory(moving).is_none_or(|(most, _)| most < *bytes));
    let memory = memory.map_or(String::new(), |(_, text)| format!("\nMEMORY {text}"));
    Ok(format!("{from_text}{memory}{}\n", steps_text.trim_end()))
}

/// The largest MEMORY of these instructions, in bytes and as written.
pub(crate) fn largest_memory(directives: &[LinkedDirective]) -> Option<(u64, &str)> {
    let memories = directives.iter().filter_map(|linked| match &linked.directive.instruction {
        Instruction::Memory(memory) => Some((memory.bytes, memory.text.value.as_str())),
        _ => None,
    });
    memories.max_by_key(|(bytes, _)| *bytes)
}
