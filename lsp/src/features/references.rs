//! Everything that names the same: references across files, highlights in one file, the pairs that are edited together.

use super::locate::{Reference, Thing, path_of_word, references_of, thing_at};
use super::variables;
use crate::workspace::FileView;
use crate::workspace::variables::Role;
use layerc_compiler::directive::{Instruction, Word};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::{FileId, Span};
use ls_types::{DocumentHighlight, DocumentHighlightKind, LinkedEditingRanges, Location, Position};

/// Whether the definition itself is wanted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definitions {
    /// Yes.
    Included,
    /// No.
    LeftOut,
}

/// Every place that names what stands at `position`. On a keyword, that is this file.
pub fn references(
    view: FileView<'_>,
    position: Position,
    definitions: Definitions,
) -> Vec<Location> {
    match thing_at(view, view.offset(position)) {
        Some(Thing::Layerfile(Reference { target: Some(id), .. })) => {
            of_layerfile(view, id, definitions)
        }
        Some(Thing::Keyword(..)) => of_layerfile(view, view.id, definitions),
        Some(Thing::Variable(mention)) => variables::places(view, &mention.name)
            .into_iter()
            .filter(|place| definitions == Definitions::Included || !place.mention.role.defines())
            .map(|place| place.view.location(place.mention.span))
            .collect(),
        Some(Thing::Path(word)) => {
            path_of_word(view, word).map(|path| of_path(view, &path)).unwrap_or_default()
        }
        Some(Thing::Image(word)) => of_image(view, &word.value),
        Some(Thing::Layerfile(_) | Thing::Checkpoint(_)) | None => Vec::new(),
    }
}

fn of_layerfile(view: FileView<'_>, id: FileId, definitions: Definitions) -> Vec<Location> {
    let graph = view.repository.graph();
    let mut naming: Vec<FileId> =
        graph.children(id).iter().chain(graph.waiters(id)).copied().collect();
    naming.sort_unstable();
    naming.dedup();
    let files = naming.into_iter().filter_map(|id| view.sibling(id));
    let names = files.flat_map(|file| {
        let references = references_of(file).into_iter();
        references
            .filter(|reference| reference.target == Some(id))
            .map(move |reference| file.location(reference.word.span))
    });
    let first = view.sibling(id).filter(|_| definitions == Definitions::Included);
    let own =
        first.and_then(|file| Some(file.location(file.analysis().directives.first()?.keyword)));
    own.into_iter().chain(names).collect()
}

fn of_path(view: FileView<'_>, path: &RepoPath) -> Vec<Location> {
    let files = view.snapshot.files_of(view.repository);
    let found = files.flat_map(|file| {
        let same = |word: &&Word| path_of_word(file, word).as_ref() == Some(path);
        let words = paths_of(file).into_iter().filter(same).map(|word| word.span);
        words.map(|span| file.location(span)).collect::<Vec<_>>()
    });
    found.collect()
}

/// The words of a file that name files of the repository which are no Layerfiles.
pub fn paths_of(view: FileView<'_>) -> Vec<&Word> {
    let directives = view.analysis().directives.iter();
    let words = directives.flat_map(|directive| match &directive.instruction {
        Instruction::Copy(copy) => copy.sources.as_slice(),
        Instruction::SetupFile(words) => words.as_slice(),
        _ => &[],
    });
    words.collect()
}

fn of_image(view: FileView<'_>, image: &str) -> Vec<Location> {
    let files = view.snapshot.files_of(view.repository);
    let found = files.filter_map(|file| {
        let word = image_of(file).filter(|word| word.value == image)?;
        Some(file.location(word.span))
    });
    found.collect()
}

/// The image that a file starts from, as written.
pub fn image_of(view: FileView<'_>) -> Option<&Word> {
    use layerc_compiler::directive::FromSource;
    view.analysis().directives.iter().find_map(|directive| match &directive.instruction {
        Instruction::From(FromSource::Image(word)) => Some(word),
        _ => None,
    })
}

/// Every place of this file that names what stands at `position`.
pub fn highlight(view: FileView<'_>, position: Position) -> Vec<DocumentHighlight> {
    let kinds: Vec<(Span, DocumentHighlightKind)> = match thing_at(view, view.offset(position)) {
        Some(Thing::Variable(mention)) => {
            let places = variables::places_in(view, &mention.name).into_iter();
            places.map(|place| (place.mention.span, kind(place.mention.role))).collect()
        }
        Some(Thing::Layerfile(Reference { target: Some(id), .. })) => references_of(view)
            .into_iter()
            .filter(|reference| reference.target == Some(id))
            .map(|reference| (reference.word.span, DocumentHighlightKind::READ))
            .collect(),
        Some(Thing::Path(word)) => {
            let path = path_of_word(view, word);
            let same = |other: &&Word| path.is_some() && path_of_word(view, other) == path;
            let words = paths_of(view).into_iter().filter(same);
            words.map(|word| (word.span, DocumentHighlightKind::READ)).collect()
        }
        Some(thing) => vec![(thing.span(), DocumentHighlightKind::TEXT)],
        None => Vec::new(),
    };
    kinds
        .into_iter()
        .map(|(span, kind)| DocumentHighlight { range: view.range(span), kind: Some(kind) })
        .collect()
}

const fn kind(role: Role) -> DocumentHighlightKind {
    if role.writes() { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ }
}

/// The mentions of the variable at `position` that are edited together while typing: those of a variable which this
/// file alone has. Others need rename, which sees the other files.
pub fn linked_editing(view: FileView<'_>, position: Position) -> Option<LinkedEditingRanges> {
    let Some(Thing::Variable(mention)) = thing_at(view, view.offset(position)) else { return None };
    let places = variables::places(view, &mention.name);
    let is_own = places.iter().all(|place| place.view.id == view.id)
        && places.iter().any(|place| place.mention.role.defines());
    is_own.then(|| LinkedEditingRanges {
        ranges: places.iter().map(|place| view.range(place.mention.span)).collect(),
        word_pattern: Some("[A-Za-z_][A-Za-z0-9_]*".to_owned()),
    })
}
