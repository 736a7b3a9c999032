//! Which mentions of a variable mean the same one: those that FROM connects.
//!
//! A definition is seen by the instructions below it and by every file that inherits from its file. A built-in
//! variable is the same everywhere.

use crate::workspace::FileView;
use crate::workspace::variables::Mention;
use layerc_compiler::catalog::variable;
use layerc_compiler::span::FileId;
use std::collections::BTreeSet;

/// A mention and the file it is in.
#[derive(Debug, Clone, Copy)]
pub struct Place<'s> {
    /// The file.
    pub view: FileView<'s>,
    /// The mention.
    pub mention: &'s Mention,
}

/// The files in which `name` means the same as in `view`.
pub fn family(view: FileView<'_>, name: &str) -> BTreeSet<FileId> {
    let graph = view.repository.graph();
    let defines = |id: FileId| {
        view.sibling(id).is_some_and(|file| {
            file.document.mentions().iter().any(|found| found.role.defines() && found.name == name)
        })
    };
    let chain = std::iter::once(view.id).chain(graph.ancestors(view.id));
    match chain.filter(|id| defines(*id)).last() {
        Some(top) => graph.with_descendants(top),
        None if variable(name).is_some() => view.repository.project().ids().collect(),
        None => BTreeSet::from([view.id]),
    }
}

/// Every mention of what `name` means in `view`, by file and place.
pub fn places<'s>(view: FileView<'s>, name: &str) -> Vec<Place<'s>> {
    let files = family(view, name).into_iter().filter_map(|id| view.sibling(id));
    files.flat_map(|file| places_in(file, name)).collect()
}

/// Every mention of `name` in one file.
pub fn places_in<'s>(view: FileView<'s>, name: &str) -> Vec<Place<'s>> {
    let mentions = view.document.mentions().iter().filter(|mention| mention.name == name);
    mentions.map(|mention| Place { view, mention }).collect()
}

/// The definition that an instruction of `view` sees: the last one above it, or the last one of the nearest file
/// that it inherits from and that has one.
pub fn definition<'s>(view: FileView<'s>, name: &str, directive: usize) -> Option<Place<'s>> {
    let is_definition = |mention: &&'s Mention| mention.role.defines() && mention.name == name;
    let mut above = view.document.mentions().iter().filter(is_definition);
    let own = above.rfind(|mention| mention.directive < directive);
    if let Some(mention) = own {
        return Some(Place { view, mention });
    }
    view.ancestors().find_map(|view| {
        let mention = view.document.mentions().iter().rfind(is_definition)?;
        Some(Place { view, mention })
    })
}
