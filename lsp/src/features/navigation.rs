//! From a word to what it names: definition, declaration, implementation, type definition.
//!
//! Definition and declaration are the same here: nothing in a Layerfile is declared apart from its definition.

use super::locate::{Thing, path_of_word, thing_at};
use super::variables;
use crate::workspace::{FileView, uri};
use layerc_compiler::sources::EntryKind;
use layerc_compiler::span::{FileId, Span};
use ls_types::{LocationLink, Position, Range, Uri};

/// Where what stands at `position` is defined.
pub fn definition(view: FileView<'_>, position: Position) -> Vec<LocationLink> {
    let Some(thing) = thing_at(view, view.offset(position)) else { return Vec::new() };
    let target = match thing {
        Thing::Layerfile(reference) => reference.target.and_then(|id| of_file(view, id)),
        Thing::Path(word) => path_of_word(view, word).and_then(|path| {
            let is_file = view.repository.tree().kind(&path) == Some(EntryKind::File);
            let absolute = is_file.then(|| view.repository.absolute(&path))??;
            Some(start_of(uri::of_path(&absolute)?))
        }),
        Thing::Variable(mention) => {
            let seen = variables::definition(view, &mention.name, mention.directive);
            let place = if mention.role.defines() {
                Some(variables::Place { view, mention })
            } else {
                seen
            };
            place.map(of_place)
        }
        Thing::Keyword(..) | Thing::Image(_) | Thing::Checkpoint(_) => None,
    };
    target.map(|target| link(view, thing.span(), target)).into_iter().collect()
}

/// The layers that inherit from what FROM or WAIT names, or from this file on the keyword of FROM; for a variable, its
/// other definitions in the files that inherit it.
pub fn implementation(view: FileView<'_>, position: Position) -> Vec<LocationLink> {
    let Some(thing) = thing_at(view, view.offset(position)) else { return Vec::new() };
    let targets: Vec<Target> = match thing {
        Thing::Layerfile(reference) => {
            reference.target.map(|id| children(view, id)).unwrap_or_default()
        }
        Thing::Keyword(..) => children(view, view.id),
        Thing::Variable(mention) => {
            let places = variables::places(view, &mention.name).into_iter();
            places.filter(|place| place.mention.role.defines()).map(of_place).collect()
        }
        Thing::Path(_) | Thing::Image(_) | Thing::Checkpoint(_) => Vec::new(),
    };
    targets.into_iter().map(|target| link(view, thing.span(), target)).collect()
}

/// What kind of machine this is: the file whose FROM names the image that it all starts from.
pub fn type_definition(view: FileView<'_>, position: Position) -> Vec<LocationLink> {
    let Some(thing) = thing_at(view, view.offset(position)) else { return Vec::new() };
    let start = match thing {
        Thing::Layerfile(reference) => reference.target,
        Thing::Keyword(..) | Thing::Image(_) => Some(view.id),
        Thing::Path(_) | Thing::Variable(_) | Thing::Checkpoint(_) => None,
    };
    let first = start.map(|id| view.repository.graph().ancestors(id).last().unwrap_or(id));
    let target = first.and_then(|id| of_file(view, id));
    target.map(|target| link(view, thing.span(), target)).into_iter().collect()
}

struct Target {
    uri: Uri,
    whole: Range,
    selection: Range,
}

fn link(view: FileView<'_>, origin: Span, target: Target) -> LocationLink {
    LocationLink {
        origin_selection_range: Some(view.range(origin)),
        target_uri: target.uri,
        target_range: target.whole,
        target_selection_range: target.selection,
    }
}

fn start_of(uri: Uri) -> Target {
    Target { uri, whole: Range::default(), selection: Range::default() }
}

/// A file, shown at its first instruction.
fn of_file(view: FileView<'_>, id: FileId) -> Option<Target> {
    let file = view.sibling(id)?;
    let first = file.analysis().directives.first();
    Some(Target {
        uri: file.document.uri().clone(),
        whole: file.positions().whole(),
        selection: first.map(|first| file.range(first.span)).unwrap_or_default(),
    })
}

fn children(view: FileView<'_>, id: FileId) -> Vec<Target> {
    let children = view.repository.graph().children(id).iter();
    children.filter_map(|child| of_file(view, *child)).collect()
}

fn of_place(place: variables::Place<'_>) -> Target {
    let directive = place.view.analysis().directives.get(place.mention.directive);
    let whole = directive.map_or(place.mention.span, |directive| directive.span);
    Target {
        uri: place.view.document.uri().clone(),
        whole: place.view.range(whole),
        selection: place.view.range(place.mention.span),
    }
}
