//! What could be written next: in every place of a Layerfile, from the catalogue, the tree and the files around.
//!
//! ```text
//! logical line before the cursor ─► context ─► keywords | arguments | paths | variables | commands
//! ```
//!
//! Reads text, not instructions, because what is being typed is no instruction yet.

mod arguments;
mod commands;
mod item;
mod keywords;
mod layers;
mod paths;
mod remarks;
mod variables;

use super::line::Line;
use crate::workspace::FileView;
use item::Items;
use layerc_compiler::span::Span;
use ls_types::{CompletionItem, CompletionList, Documentation, Position};

pub use item::Snippets;

/// Everything that fits at `position`.
pub fn complete(view: FileView<'_>, position: Position, snippets: Snippets) -> CompletionList {
    let offset = view.offset(position);
    let line = Line::before(view, offset);
    let mut items = Items::new(view, word_span(view, &line, offset), snippets);
    match line.arguments() {
        _ if line.is_comment() => remarks::complete(&mut items, line.text()),
        Some((info, arguments)) => arguments::complete(view, &mut items, info, arguments, offset),
        None => keywords::complete(view, &mut items, &line),
    }
    // Paths and layers are complete as they are; whatever the client filters, nothing new would come.
    CompletionList { is_incomplete: false, items: items.into_list() }
}

/// The word around the cursor: what an item replaces.
fn word_span(view: FileView<'_>, line: &Line<'_>, offset: u32) -> Span {
    let before = view.slice(Span::new(line.text_start(), offset));
    let typed = before.len() - before.trim_end_matches(|c: char| !c.is_whitespace()).len();
    let after = view.text().get(offset as usize..).unwrap_or_default();
    let rest = after.find(|c: char| c.is_whitespace() || c == '\\').unwrap_or(after.len());
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(0);
    Span::new(offset - length(typed), offset + length(rest))
}

/// Adds the words about an item that were left out of the list: what a layer is.
pub fn resolve(snapshot: &crate::workspace::Snapshot, mut item: CompletionItem) -> CompletionItem {
    let uri = item.data.as_ref().and_then(|data| data.get("layer")?.as_str()?.parse().ok());
    if let Some(view) = uri.and_then(|uri| snapshot.file(&uri)) {
        item.documentation = Some(Documentation::MarkupContent(super::hover::markdown(
            super::hover::about_layer(view),
        )));
    }
    item
}
