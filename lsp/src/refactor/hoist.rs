//! What several files do first becomes one parent for all of them, so that it runs once.

use super::change::{Change, Edit, Operation, Promise, Refusal};
use super::extract::{NEW_PARENT, largest_memory, moved_span, parent_text};
use super::references;
use super::repository::{LAYERFILE, Repository, from_directive};
use super::steps;
use layerc_compiler::directive::{Checkpoint, Instruction};
use layerc_compiler::project::{LinkedDirective, LinkedFile};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::source_map::LogicalText;
use layerc_compiler::span::FileId;

/// Moves the steps that this file has in common with others, from FROM on, to a new Layerfile that all of them start
/// from. Others are the files with the same parent and the same first step.
///
/// # Errors
/// If there are none, or the first steps have to stay in their files.
pub fn hoist_common_steps(repository: &Repository<'_>, id: FileId) -> Result<Change, Refusal> {
    let file = repository.sound_file(id)?;
    let own = Beginning::of(repository, file)?;
    let mut siblings = vec![Beginning::of(repository, file)?];
    for other in repository.project.ids().filter(|other| *other != id) {
        let Ok(sibling) =
            repository.sound_file(other).and_then(|file| Beginning::of(repository, file))
        else {
            continue;
        };
        if sibling.file.parent == file.parent && sibling.shared_with(&own) > 0 {
            siblings.push(sibling);
        }
    }
    if siblings.len() < 2 {
        return Err(Refusal::because("no other Layerfile begins with the same steps"));
    }
    let shared = siblings.iter().map(|sibling| sibling.shared_with(&own)).min().unwrap_or(0);
    let shared = shared.min(own.movable);
    if shared == 0 {
        return Err(Refusal::because("the steps in common have to stay in their files"));
    }
    let place = common_directory(&siblings);
    let directory = repository.free_directory(&place, NEW_PARENT)?;
    hoisted(repository, &own, &siblings, shared, &directory)
}

/// The instructions that a file begins with, LABELs left out, each in a form in which equal ones are equal texts.
struct Beginning<'a> {
    file: &'a LinkedFile,
    from: &'a LinkedDirective,
    /// Index of the instruction and what it means.
    meanings: Vec<(usize, String)>,
    /// How many of them may move.
    movable: usize,
}

impl<'a> Beginning<'a> {
    fn of(repository: &Repository<'_>, file: &'a LinkedFile) -> Result<Self, Refusal> {
        let from = from_directive(file)?;
        let mut meanings = Vec::new();
        let mut movable = None;
        for (index, linked) in file.directives.iter().enumerate().skip(1) {
            if steps::is_label(linked) {
                continue;
            }
            let disables = matches!(
                linked.directive.instruction,
                Instruction::Checkpoint(Checkpoint::Disabled)
            );
            if disables || steps::stays(repository, file, linked).is_some() {
                movable = movable.or(Some(meanings.len()));
            }
            meanings.push((index, meaning(repository, file, linked)?));
        }
        let movable = movable.unwrap_or(meanings.len());
        Ok(Self { file, from, meanings, movable })
    }

    fn shared_with(&self, other: &Self) -> usize {
        let pairs = self.meanings.iter().zip(&other.meanings);
        pairs.take_while(|((_, one), (_, other))| one == other).count().min(self.movable)
    }

    /// The first instructions behind FROM, up to the one that is number `count` without LABELs.
    fn first(&self, count: usize) -> &'a [LinkedDirective] {
        let last = count.checked_sub(1).and_then(|last| self.meanings.get(last));
        last.and_then(|(index, _)| self.file.directives.get(1..=*index)).unwrap_or_default()
    }
}

/// The logical text of an instruction with every path from the root.
fn meaning(
    repository: &Repository<'_>,
    file: &LinkedFile,
    linked: &LinkedDirective,
) -> Result<String, Refusal> {
    let span = linked.directive.span;
    let edits: Vec<Edit> = references::of_directive(linked, &file.directory)
        .into_iter()
        .map(|reference| Edit {
            span: reference.word.span,
            replacement: format!("/{}", reference.target.as_str()),
        })
        .collect();
    let text = super::change::edited(repository.part(file, span)?, span.start(), &edits)
        .ok_or_else(|| Refusal::because("the text has changed in the meantime"))?;
    Ok(LogicalText::new(&text).text().to_owned())
}

/// The deepest directory that all of these are in.
fn common_directory(siblings: &[Beginning<'_>]) -> RepoPath {
    let mut common: Option<Vec<&str>> = None;
    for sibling in siblings {
        let components: Vec<&str> = sibling.file.directory.components().collect();
        common = Some(match common {
            None => components,
            Some(common) => {
                let shared = common.iter().zip(&components).take_while(|(one, other)| one == other);
                shared.map(|(component, _)| *component).collect()
            }
        });
    }
    RepoPath::new(&common.unwrap_or_default().join("/")).unwrap_or_else(RepoPath::root)
}

fn hoisted<'a>(
    repository: &Repository<'_>,
    own: &Beginning<'a>,
    siblings: &[Beginning<'a>],
    shared: usize,
    directory: &RepoPath,
) -> Result<Change, Refusal> {
    // The parent may have as much memory as the least of its children, or that one would get more than before.
    let staying = |sibling: &Beginning<'a>| {
        let first = sibling.first(shared).len() + 1;
        sibling.file.directives.get(first..).unwrap_or_default()
    };
    let modest = siblings.iter().map(staying).min_by_key(|staying| memory_bytes(staying));
    let staying = modest.unwrap_or_default();
    let text = parent_text(repository, own.file, own.from, own.first(shared), staying, directory)?;
    let mut operations = Vec::new();
    for sibling in siblings {
        let edits = vec![replaced_beginning(repository, sibling, shared, directory, &text)?];
        operations.push(Operation::Edit { path: sibling.file.path.clone(), edits });
    }
    let path =
        directory.join(LAYERFILE).ok_or_else(|| Refusal::because("the new path is no path"))?;
    operations.push(Operation::Create { path, text });
    let title = format!(
        "hoist {shared} common {} of {} Layerfiles to the new layer `{directory}`",
        if shared == 1 { "instruction" } else { "instructions" },
        siblings.len()
    );
    Ok(Change { title, promise: Promise::SameMachines, operations })
}

fn memory_bytes(staying: &[LinkedDirective]) -> u64 {
    largest_memory(staying).map_or(0, |(bytes, _)| bytes)
}

/// FROM of the new parent in place of the beginning; LABELs, and comments that the parent doesn't have, stay.
fn replaced_beginning(
    repository: &Repository<'_>,
    sibling: &Beginning<'_>,
    shared: usize,
    directory: &RepoPath,
    parent: &str,
) -> Result<Edit, Refusal> {
    let moving = sibling.first(shared);
    let span = moved_span(sibling.from, moving);
    let name = super::spelling::for_directory("./", &sibling.file.directory, directory);
    let mut lines = vec![format!("FROM {}", name.trim_end_matches('/'))];
    let labels = steps::labels(repository, sibling.file, moving)?;
    lines.extend(labels.lines().map(str::to_owned));
    let mut behind = sibling.from.directive.span.end();
    for linked in moving {
        let between = layerc_compiler::span::Span::new(behind, linked.directive.span.start());
        let comments = repository.part(sibling.file, between)?.lines().map(str::trim);
        let own = comments.filter(|line| line.starts_with('#') && !parent.contains(*line));
        lines.extend(own.map(str::to_owned));
        behind = linked.directive.span.end();
    }
    Ok(Edit { span, replacement: lines.join("\n") })
}
