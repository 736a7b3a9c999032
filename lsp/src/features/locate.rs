//! What stands at a place of a Layerfile: the instruction, and what in it the cursor is on.
//!
//! The one reading of instructions that definition, references, hover, highlight and rename share.

use crate::workspace::FileView;
use layerc_compiler::directive::{Directive, FromSource, Instruction, Word};
use layerc_compiler::project::Parent;
use layerc_compiler::span::{FileId, Span};
use std::sync::Arc;

/// The instruction at a byte, its ends included; the later one where two touch.
pub fn directive_at(view: FileView<'_>, offset: u32) -> Option<(usize, &Arc<Directive>)> {
    let directives = &view.analysis().directives;
    let after = directives.partition_point(|directive| directive.span.start() <= offset);
    let index = after.checked_sub(1)?;
    let directive = directives.get(index)?;
    directive.span.touches(offset).then_some((index, directive))
}

/// A word that names another Layerfile.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'s> {
    /// The word.
    pub word: &'s Word,
    /// Whether FROM or WAIT has it.
    pub kind: ReferenceKind,
    /// The file it names; `None` if there is none.
    pub target: Option<FileId>,
}

/// Which instruction names the other file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// FROM: its machine is continued.
    Inherits,
    /// WAIT: it has to succeed first.
    Waits,
}

/// All words of a file that name Layerfiles, in order.
pub fn references_of(view: FileView<'_>) -> Vec<Reference<'_>> {
    let parent = view.linked().map(|linked| &linked.parent);
    let mut references = Vec::new();
    for directive in &view.analysis().directives {
        match &directive.instruction {
            Instruction::From(FromSource::Path(word) | FromSource::Bare(word)) => {
                let target = match parent {
                    Some(Parent::File(file)) => Some(*file),
                    Some(Parent::Image(_) | Parent::Unresolved) | None => None,
                };
                references.push(Reference { word, kind: ReferenceKind::Inherits, target });
            }
            Instruction::Wait(words) => references.extend(words.iter().map(|word| Reference {
                word,
                kind: ReferenceKind::Waits,
                target: resolve(view, &word.value),
            })),
            _ => {}
        }
    }
    references
}

/// The Layerfile that a word of FROM or WAIT names, itself or by its directory.
pub fn resolve(view: FileView<'_>, text: &str) -> Option<FileId> {
    use layerc_compiler::repo_path::RepoPath;
    let directory = view.document.path().parent().unwrap_or_else(RepoPath::root);
    let path = RepoPath::resolve(&directory, text)?;
    layerc_planner::selection::find_layerfile(view.repository.project(), &path)
}

/// The word naming a Layerfile at a byte.
pub fn reference_at(view: FileView<'_>, offset: u32) -> Option<Reference<'_>> {
    references_of(view).into_iter().find(|reference| reference.word.span.touches(offset))
}

/// Whether a span holds a byte or ends there.
pub fn on(span: Span, offset: u32) -> bool {
    span.touches(offset)
}
