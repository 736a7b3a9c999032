//! What follows when files of a repository move: every FROM, WAIT, COPY and SETUP FILE that names them, respelled the way
//! its author wrote it. Also what follows from deleting and making them.
//!
//! Computes edits; moving the files themselves is the client's business.

use super::edit::Edits;
use crate::refactor::moving::edits_for_moves;
use crate::refactor::{self, Operation};
use crate::workspace::repository::LAYERFILE_NAME;
use crate::workspace::{FileView, Repository, Snapshot};
use layerc_compiler::directive::{Directive, Instruction, Word};
use layerc_compiler::link::relative;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::Span;
use std::sync::Arc;

pub use crate::refactor::moving::Moves;

/// Every edit that keeps references right when the files move.
pub fn follow<'s>(
    snapshot: &'s Snapshot,
    repository: &'s Arc<Repository>,
    moves: &Moves,
) -> Edits<'s> {
    let refactored =
        refactor::Repository::new(repository.project(), repository.as_ref(), repository.tree());
    let mut edits = Edits::default();
    for operation in edits_for_moves(&refactored, moves) {
        let Operation::Edit { path, edits: of_file } = operation else { continue };
        let mut views = snapshot.files_of(repository);
        let Some(view) = views.find(|view| *view.document.path() == path) else { continue };
        of_file.into_iter().for_each(|edit| edits.replace(view, edit.span, edit.replacement));
    }
    edits
}

/// Takes out what names a Layerfile that is about to be deleted, itself or with its directory: words of WAIT. A FROM that
/// names it stays and becomes a finding, because no machine can be put in its place.
pub fn forget<'s>(
    snapshot: &'s Snapshot,
    repository: &'s Arc<Repository>,
    deleted: &[RepoPath],
) -> Edits<'s> {
    let is_deleted = |path: &RepoPath| deleted.iter().any(|gone| path.is_at_or_below(gone));
    let mut edits = Edits::default();
    for view in snapshot.files_of(repository).filter(|view| !is_deleted(view.document.path())) {
        for directive in &view.analysis().directives {
            let Instruction::Wait(words) = &directive.instruction else { continue };
            let names_deleted = |word: &&Word| {
                let target = super::locate::resolve(view, &word.value);
                let file = target.and_then(|id| view.sibling(id));
                file.is_some_and(|file| is_deleted(file.document.path()))
            };
            let gone: Vec<&Word> = words.iter().filter(names_deleted).collect();
            if gone.len() == words.len() {
                edits.replace(view, whole_lines(view, directive), "");
            } else {
                gone.iter().for_each(|word| edits.replace(view, with_blank(view, word), ""));
            }
        }
    }
    edits
}

/// An instruction with its line end.
fn whole_lines(view: FileView<'_>, directive: &Directive) -> Span {
    let lines = &view.analysis().lines;
    let start = lines.line_start(lines.line(directive.span.start())).unwrap_or(0);
    let end = lines.line_start(lines.line(directive.span.end()) + 1);
    Span::new(start, end.unwrap_or_else(|| u32::try_from(view.text().len()).unwrap_or(u32::MAX)))
}

/// A word with the blanks before it.
fn with_blank(view: FileView<'_>, word: &Word) -> Span {
    let before = view.text().get(..word.span.start() as usize).unwrap_or_default();
    let blanks = before.len() - before.trim_end_matches([' ', '\t']).len();
    Span::new(word.span.start() - u32::try_from(blanks).unwrap_or(0), word.span.end())
}

/// What people call a layer: its directory; `/` for the one at the root.
pub fn layer_name(path: &RepoPath) -> &str {
    path.as_str().rsplit_once('/').map_or("/", |(directory, _)| directory)
}

/// The text that a new Layerfile begins with: the machine of the nearest Layerfile above it, or the commonest image.
pub fn first_text(
    snapshot: &Snapshot,
    repository: &Arc<Repository>,
    path: &RepoPath,
) -> Option<String> {
    if path.file_name() != Some(LAYERFILE_NAME) {
        return None;
    }
    let directory = path.parent()?;
    let above = std::iter::successors(directory.parent(), RepoPath::parent).find_map(|above| {
        let layerfile = above.join(LAYERFILE_NAME)?;
        repository.find(&layerfile).map(|_| relative(&directory, &above))
    });
    let source = above.or_else(|| commonest_image(snapshot, repository));
    Some(format!("FROM {}\n", source.unwrap_or_else(|| "vm/ubuntu:18.04".to_owned())))
}

fn commonest_image(snapshot: &Snapshot, repository: &Arc<Repository>) -> Option<String> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for view in snapshot.files_of(repository) {
        if let Some(word) = super::references::image_of(view) {
            *counts.entry(word.value.as_str()).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(image, _)| image.to_owned())
}
