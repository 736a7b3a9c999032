//! The files that a file's machine is made of.

use crate::workspace::FileView;
use layerc_compiler::project::Parent;

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
