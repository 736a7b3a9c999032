//! A file takes over the steps of the file it starts from.

use super::change::{Change, Edit, Promise, Refusal};
use super::references;
use super::repository::{Repository, from_directive};
use super::steps;
use layerc_compiler::project::Parent;
use layerc_compiler::span::{FileId, Span};

/// Replaces FROM by the text of the Layerfile it names. That file stays, others may start from it.
///
/// # Errors
/// If FROM names an image, one of the files has errors, or a step of the parent only makes sense there.
pub fn inline_parent(repository: &Repository<'_>, id: FileId) -> Result<Change, Refusal> {
    let file = repository.sound_file(id)?;
    let from = from_directive(file)?;
    let Parent::File(parent) = file.parent else {
        return Err(Refusal::because(
            "this Layerfile starts from an image, which has no steps to take over",
        ));
    };
    let parent = repository.sound_file(parent)?;
    let parent_from = from_directive(parent)?;
    let taken = parent.directives.get(1..).unwrap_or_default();
    steps::refuse_staying(repository, parent, taken)?;
    if steps::ends_disabled(taken) {
        return Err(Refusal::because(format!(
            "`{}` ends with CHECKPOINT disabled, which would reach into this file",
            parent.path
        )));
    }
    let text = repository.text(parent)?;
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let start = byte_order_mark(text);
    let head = Span::new(start, parent_from.directive.span.end());
    let edits = references::respelled(parent, [parent_from], &file.directory);
    let head_text = super::change::edited(repository.part(parent, head)?, start, &edits)
        .ok_or_else(|| Refusal::because("the text has changed in the meantime"))?;
    let tail = Span::new(head.end(), length);
    let tail_text = steps::text_for(repository, parent, taken, tail, &file.directory)?;
    let replacement = format!("{head_text}{}", tail_text.trim_end());
    let edit = Edit { span: from.directive.span, replacement };
    let title = format!("inline the parent `{}`", parent.directory);
    Ok(Change::of_file(title, Promise::SameMachines, file.path.clone(), vec![edit]))
}

/// Bytes of the mark that some editors put in front of a text.
fn byte_order_mark(text: &str) -> u32 {
    if text.starts_with('\u{feff}') { 3 } else { 0 }
}
