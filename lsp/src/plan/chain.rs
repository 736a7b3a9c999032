//! The files that a file's machine is made of, and the files that need it.

use crate::workspace::FileView;
use layerc_compiler::project::Parent;
use layerc_compiler::span::{FileId, Span};

/// The file that a file starts from.
pub fn parent(view: FileView<'_>) -> Option<FileView<'_>> {
    match view.linked()?.parent {
        Parent::File(parent) => view.sibling(parent),
        Parent::Image(_) | Parent::Unresolved => None,
    }
}

/// The files that a file starts from, the one on the base image first. A circle is walked once.
pub fn ancestors(view: FileView<'_>) -> Vec<FileView<'_>> {
    let mut chain: Vec<FileView<'_>> = Vec::new();
    let mut current = parent(view);
    while let Some(above) = current {
        if above.id == view.id || chain.iter().any(|seen| seen.id == above.id) {
            break;
        }
        chain.push(above);
        current = parent(above);
    }
    chain.reverse();
    chain
}

/// The places at which other files name this one: those that start from it, and those that wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependents {
    /// Words of FROM.
    pub inherit: Vec<(FileId, Span)>,
    /// WAIT instructions.
    pub wait: Vec<(FileId, Span)>,
}

/// Who needs a file directly.
pub fn dependents(view: FileView<'_>) -> Dependents {
    let project = view.repository.project();
    let mut found = Dependents { inherit: Vec::new(), wait: Vec::new() };
    for id in project.ids() {
        let file = project.file(id);
        if file.parent == Parent::File(view.id)
            && let Some(from) = file.directives.first()
        {
            found.inherit.push((id, from.span));
        }
        let waits = file.directives.iter().filter(|linked| linked.waits.contains(&view.id));
        found.wait.extend(waits.map(|linked| (id, linked.span)));
    }
    found
}
