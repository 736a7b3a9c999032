//! Who inherits from whom and who waits for whom, in both directions.
//!
//! Made once for a linked project. Files may form circles; every walk here ends all the same.

use layerc_compiler::project::{Parent, Project};
use layerc_compiler::span::FileId;
use std::collections::BTreeSet;

/// The edges of a linked project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    parents: Vec<Option<FileId>>,
    children: Vec<Vec<FileId>>,
    waits: Vec<Vec<FileId>>,
    waiters: Vec<Vec<FileId>>,
}

impl Graph {
    /// The edges of `project`.
    pub fn new(project: &Project) -> Self {
        let mut graph = Self {
            parents: vec![None; project.files.len()],
            children: vec![Vec::new(); project.files.len()],
            waits: vec![Vec::new(); project.files.len()],
            waiters: vec![Vec::new(); project.files.len()],
        };
        for id in project.ids() {
            let file = project.file(id);
            if let Parent::File(parent) = file.parent {
                graph.parents.get_mut(id.index()).into_iter().for_each(|own| *own = Some(parent));
                push(&mut graph.children, parent, id);
            }
            let targets: BTreeSet<FileId> =
                file.directives.iter().flat_map(|linked| linked.waits.iter().copied()).collect();
            for target in targets {
                push(&mut graph.waits, id, target);
                push(&mut graph.waiters, target, id);
            }
        }
        graph
    }

    /// The file that `file` inherits from.
    pub fn parent(&self, file: FileId) -> Option<FileId> {
        self.parents.get(file.index()).copied().flatten()
    }

    /// The files that inherit from `file` directly, in order.
    pub fn children(&self, file: FileId) -> &[FileId] {
        self.children.get(file.index()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The files that `file` waits for, in order.
    pub fn waits(&self, file: FileId) -> &[FileId] {
        self.waits.get(file.index()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The files that wait for `file`, in order.
    pub fn waiters(&self, file: FileId) -> &[FileId] {
        self.waiters.get(file.index()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The files that `file` inherits from, the nearest first.
    pub fn ancestors(&self, file: FileId) -> impl Iterator<Item = FileId> + '_ {
        std::iter::successors(self.parent(file), move |above| self.parent(*above))
            .take_while(move |above| *above != file)
            .take(self.parents.len())
    }

    /// `file` and all that inherit from it, directly or not, sorted.
    pub fn with_descendants(&self, file: FileId) -> BTreeSet<FileId> {
        let mut found = BTreeSet::new();
        let mut open = vec![file];
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(self.children(next));
            }
        }
        found
    }
}

fn push(lists: &mut [Vec<FileId>], at: FileId, file: FileId) {
    lists.get_mut(at.index()).into_iter().for_each(|list| list.push(file));
}
