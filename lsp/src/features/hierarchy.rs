//! Layers as a hierarchy: FROM as the one of types, WAIT as the one of calls.

use super::locate::{ReferenceKind, Thing, references_of, thing_at};
use super::moves::layer_name;
use crate::workspace::{FileView, Snapshot};
use layerc_compiler::span::FileId;
use ls_types::{
    CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, Position, Range,
    SymbolKind, TypeHierarchyItem, Uri,
};

/// The layer that a place is about: the one it names, or its own.
fn layer(view: FileView<'_>, position: Position) -> Option<FileView<'_>> {
    match thing_at(view, view.offset(position))? {
        Thing::Layerfile(reference) => view.sibling(reference.target?),
        Thing::Keyword(..) | Thing::Image(_) => Some(view),
        Thing::Path(_) | Thing::Variable(_) | Thing::Checkpoint(_) => None,
    }
}

fn ranges(view: FileView<'_>) -> (Range, Range) {
    let first = view.analysis().directives.first();
    let selection = first.map(|first| view.range(first.keyword)).unwrap_or_default();
    (view.positions().whole(), selection)
}

/// The layer at a place, for its ancestors and descendants.
pub fn prepare_types(view: FileView<'_>, position: Position) -> Option<Vec<TypeHierarchyItem>> {
    layer(view, position).map(|layer| vec![type_item(layer)])
}

fn type_item(view: FileView<'_>) -> TypeHierarchyItem {
    let (range, selection_range) = ranges(view);
    TypeHierarchyItem {
        name: layer_name(view.document.path()).to_owned(),
        kind: SymbolKind::CLASS,
        tags: None,
        detail: Some(view.document.path().to_string()),
        uri: view.document.uri().clone(),
        range,
        selection_range,
        data: None,
    }
}

/// The layer whose machine this one continues.
pub fn supertypes(snapshot: &Snapshot, uri: &Uri) -> Option<Vec<TypeHierarchyItem>> {
    let view = snapshot.file(uri)?;
    let parent = view.repository.graph().parent(view.id).and_then(|id| view.sibling(id));
    Some(parent.map(type_item).into_iter().collect())
}

/// The layers that continue this one's machine.
pub fn subtypes(snapshot: &Snapshot, uri: &Uri) -> Option<Vec<TypeHierarchyItem>> {
    let view = snapshot.file(uri)?;
    let children = view.repository.graph().children(view.id).iter();
    Some(children.filter_map(|id| view.sibling(*id)).map(type_item).collect())
}

/// The layer at a place, for who waits for it and what it waits for.
pub fn prepare_calls(view: FileView<'_>, position: Position) -> Option<Vec<CallHierarchyItem>> {
    layer(view, position).map(|layer| vec![call_item(layer)])
}

fn call_item(view: FileView<'_>) -> CallHierarchyItem {
    let TypeHierarchyItem { name, detail, uri, range, selection_range, data, .. } = type_item(view);
    let (kind, tags) = (SymbolKind::FUNCTION, None);
    CallHierarchyItem { name, kind, tags, detail, uri, range, selection_range, data }
}

/// The words of WAIT in `view` that name `target`.
fn waiting_words(view: FileView<'_>, target: FileId) -> Vec<Range> {
    let references = references_of(view).into_iter();
    references
        .filter(|reference| {
            reference.kind == ReferenceKind::Waits && reference.target == Some(target)
        })
        .map(|reference| view.range(reference.word.span))
        .collect()
}

/// The layers that wait for this one.
pub fn incoming(snapshot: &Snapshot, uri: &Uri) -> Option<Vec<CallHierarchyIncomingCall>> {
    let view = snapshot.file(uri)?;
    let waiters = view.repository.graph().waiters(view.id).iter();
    let calls = waiters.filter_map(|id| {
        let waiter = view.sibling(*id)?;
        let from_ranges = waiting_words(waiter, view.id);
        Some(CallHierarchyIncomingCall { from: call_item(waiter), from_ranges })
    });
    Some(calls.collect())
}

/// The layers that this one waits for.
pub fn outgoing(snapshot: &Snapshot, uri: &Uri) -> Option<Vec<CallHierarchyOutgoingCall>> {
    let view = snapshot.file(uri)?;
    let targets = view.repository.graph().waits(view.id).iter();
    let calls = targets.filter_map(|id| {
        let to = call_item(view.sibling(*id)?);
        Some(CallHierarchyOutgoingCall { to, from_ranges: waiting_words(view, *id) })
    });
    Some(calls.collect())
}
