//! The order in which Layerfiles enter the plan: whatever a file inherits from or waits for comes before it.
//!
//! Among files that could come next the one with the smaller path is taken, so the order is the same everywhere.

use layerc_compiler::project::{Parent, Project};
use layerc_compiler::span::FileId;
use std::collections::{BTreeMap, BTreeSet};

/// The files that `file` needs: its parent and everything it waits for, without duplicates.
pub(crate) fn needs(project: &Project, file: FileId) -> BTreeSet<FileId> {
    let linked = project.file(file);
    let parent = match linked.parent {
        Parent::File(parent) => Some(parent),
        Parent::Image(_) | Parent::Unresolved => None,
    };
    linked
        .directives
        .iter()
        .flat_map(|directive| directive.waits.iter().copied())
        .chain(parent)
        .collect()
}

/// `files` with every file behind what it needs, or the files that take part in cycles.
///
/// `files` must be closed: it holds whatever its members need.
pub(crate) fn order(
    project: &Project,
    files: &BTreeSet<FileId>,
) -> Result<Vec<FileId>, Vec<FileId>> {
    let mut missing: BTreeMap<FileId, usize> = BTreeMap::new();
    let mut needed_by: BTreeMap<FileId, Vec<FileId>> = BTreeMap::new();
    for &file in files {
        let needs = needs(project, file);
        missing.insert(file, needs.len());
        for need in needs {
            needed_by.entry(need).or_default().push(file);
        }
    }
    let mut ready: BTreeSet<FileId> =
        missing.iter().filter(|(_, count)| **count == 0).map(|(file, _)| *file).collect();
    let mut ordered = Vec::with_capacity(files.len());
    while let Some(file) = ready.pop_first() {
        ordered.push(file);
        missing.remove(&file);
        for dependent in needed_by.get(&file).into_iter().flatten() {
            if let Some(count) = missing.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(*dependent);
                }
            }
        }
    }
    if missing.is_empty() { Ok(ordered) } else { Err(missing.into_keys().collect()) }
}
