//! A layer, or any file or directory, gets another path: every word that names it or goes through it follows.

use super::change::{Change, Edit, Operation, Promise, Refusal};
use super::references;
use super::repository::{LAYERFILE, Repository, moved};
use super::spelling;
use layerc_compiler::project::LinkedFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::FileId;

/// Renames a layer: the directory of its Layerfile gets the name `name`, which may be a path from the root when it
/// starts with a slash.
///
/// # Errors
/// If the layer is at the root, the name is no name, or something has it already.
pub fn rename_layer(
    repository: &Repository<'_>,
    layer: FileId,
    name: &str,
) -> Result<Change, Refusal> {
    let file = repository.file(layer)?;
    let from = &file.directory;
    let Some(parent) = from.parent() else {
        return Err(Refusal::because("the Layerfile at the root has no directory to rename"));
    };
    let to = destination(&parent, name)?;
    if to == *from {
        return Err(Refusal::because("the layer has this name already"));
    }
    if !repository.is_free(&to) {
        return Err(Refusal::because(format!("`{to}` exists already")));
    }
    if to.is_at_or_below(from) {
        return Err(Refusal::because("a directory can't be moved into itself"));
    }
    let moves = Moves::new(vec![(from.clone(), to.clone())]);
    let mut operations = edits_for_moves(repository, &moves);
    operations.push(Operation::Rename { from: from.clone(), to });
    Ok(Change {
        title: format!("rename the layer to `{name}`"),
        promise: Promise::SameMachines,
        operations,
    })
}

fn destination(parent: &RepoPath, name: &str) -> Result<RepoPath, Refusal> {
    let is_path = name.starts_with('/');
    let has_name = |path: &RepoPath| !path.is_root();
    let fits = |part: &str| !part.contains(char::is_whitespace) && !matches!(part, "." | "..");
    let plain = !name.is_empty() && (is_path || !name.contains('/')) && name.split('/').all(fits);
    let path = if is_path { RepoPath::new(name) } else { parent.join(name) };
    path.filter(|path| plain && has_name(path)).ok_or_else(|| {
        Refusal::because(format!(
            "`{name}` can't be a layer's name: write one directory name, or a path from the root"
        ))
    })
}

/// Files or directories and where they go, within one repository.
#[derive(Debug, Clone, Default)]
pub struct Moves {
    moves: Vec<(RepoPath, RepoPath)>,
}

impl Moves {
    /// Moves each path, with everything below it, to the other.
    pub const fn new(moves: Vec<(RepoPath, RepoPath)>) -> Self {
        Self { moves }
    }

    /// Where `path` is afterwards.
    pub fn moved(&self, path: &RepoPath) -> RepoPath {
        let fitting = self
            .moves
            .iter()
            .filter_map(|(from, to)| Some((from.as_str().len(), moved(path, from, to)?)));
        fitting.max_by_key(|(length, _)| *length).map_or_else(|| path.clone(), |(_, to)| to)
    }
}

/// The edits that keep every reference right, in the texts as they are before. Words that name something that moves, and
/// words in Layerfiles that move, both count.
pub fn edits_for_moves(repository: &Repository<'_>, moves: &Moves) -> Vec<Operation> {
    let files = repository.project.files.iter();
    files
        .filter_map(|file| {
            let edits = edits_of_file(file, moves);
            (!edits.is_empty()).then(|| Operation::Edit { path: file.path.clone(), edits })
        })
        .collect()
}

fn edits_of_file(file: &LinkedFile, moves: &Moves) -> Vec<Edit> {
    let before = &file.directory;
    let after = moves.moved(&file.path).parent().unwrap_or_else(|| before.clone());
    let mut edits = Vec::new();
    for linked in &file.directives {
        for reference in references::of_directive(linked, before) {
            let word = &reference.word.value;
            let target = moves.moved(&reference.target);
            // A setup file that is found at the root only is spelled for the root.
            let at_root = RepoPath::resolve(before, word).as_ref() != Some(&target)
                && RepoPath::new(word).as_ref() == Some(&target);
            if at_root && after == *before {
                continue;
            }
            let spelled = spelling::for_moves(word, before, &after, &target, &moves.moves);
            if spelled != *word {
                edits.push(Edit { span: reference.word.span, replacement: spelled });
            }
        }
    }
    edits
}

/// The layer that a reference at `offset` of a file names, or the file's own layer if there is none: what an editor's
/// rename is about. With it the span of the word.
pub fn layer_at(
    repository: &Repository<'_>,
    id: FileId,
    offset: u32,
) -> Option<(FileId, layerc_compiler::span::Span)> {
    let file = repository.file(id).ok()?;
    let linked = file.directives.iter().find(|linked| linked.directive.span.touches(offset))?;
    let reference = references::of_directive(linked, &file.directory)
        .into_iter()
        .find(|reference| reference.word.span.touches(offset))?;
    let named = [Some(reference.target.clone()), reference.target.join(LAYERFILE)];
    let ids = repository.project.ids();
    let mut layers =
        ids.filter(|id| named.contains(&Some(repository.project.file(*id).path.clone())));
    layers.next().map(|layer| (layer, reference.word.span))
}
