//! Which Layerfiles a plan is about, and what else they drag in.

use crate::order::needs;
use layerc_compiler::project::Project;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::FileId;
use std::collections::BTreeSet;

/// What to plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every Layerfile of the project.
    Everything,
    /// These, and whatever they inherit from or wait for.
    Targets(Vec<FileId>),
}

impl Selection {
    /// The selected files and everything they need, directly or not.
    pub fn closure(&self, project: &Project) -> BTreeSet<FileId> {
        match self {
            Self::Everything => project.ids().collect(),
            Self::Targets(targets) => {
                let mut closure = BTreeSet::new();
                let mut pending = targets.clone();
                while let Some(file) = pending.pop() {
                    if closure.insert(file) {
                        pending.extend(needs(project, file));
                    }
                }
                closure
            }
        }
    }
}

/// The Layerfile that a person means by `path`: the file itself, or the directory that holds it.
pub fn find_layerfile(project: &Project, path: &RepoPath) -> Option<FileId> {
    let position = |wanted: &RepoPath| {
        project
            .files
            .binary_search_by(|file| file.path.cmp(wanted))
            .ok()
            .and_then(|index| u32::try_from(index).ok())
    };
    position(path).or_else(|| position(&path.join("Layerfile")?)).map(FileId::new)
}
