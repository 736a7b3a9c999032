//! Linked project to plan: the one place that decides which nodes there are.
//!
//! Expects a project whose selected files have no errors, and says so in a [`PlanError`] when they do; finding and
//! explaining mistakes is the compiler's work. What remains here can only go wrong for limits.

use crate::action::{LeavesRepository, action};
use crate::environment::Environment;
use crate::graph::assemble;
use crate::order::order;
use crate::plan::{CheckStatus, LayerfileId, Node, Plan, PlannedLayerfile, SnapshotPolicy, Step};
use crate::runner_name::RunnerNames;
use crate::selection::Selection;
use crate::validity::InvalidPlan;
use crate::wording::wording;
use layerc_compiler::directive::{Checkpoint, Instruction, LabelPair, SplitOrder};
use layerc_compiler::project::{LinkedDirective, LinkedFile, Parent, Project};
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::FileId;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Why a project has no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A selected file has errors.
    #[error("`{0}` has errors")]
    HasErrors(RepoPath),
    /// These files need each other.
    #[error("these Layerfiles need each other: {}", paths(.0))]
    Cycle(Vec<RepoPath>),
    /// A file starts from one that is split, so it is not known from which copy.
    #[error("`{child}` starts from `{parent}`, which is split")]
    SplitParent {
        /// The file with FROM.
        child: RepoPath,
        /// The file with SPLIT.
        parent: RepoPath,
    },
    /// A COPY source is outside of the repository.
    #[error("`{source_path}` in `{file}` line {line} is outside of the repository")]
    LeavesRepository {
        /// The file with the COPY.
        file: RepoPath,
        /// One-based line.
        line: u32,
        /// As written.
        source_path: String,
    },
    /// A limit is passed.
    #[error("the project is too large for a plan")]
    TooLarge(#[source] InvalidPlan),
}

fn paths(paths: &[RepoPath]) -> String {
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
}

/// The plan of the selected files and everything they need.
///
/// # Errors
/// When a needed file has errors, when files need each other, or when a limit of [`crate::limits`] is passed.
pub fn build(project: &Project, selection: &Selection) -> Result<Plan, PlanError> {
    let selected = selection.closure(project);
    refuse_errors(project, &selected)?;
    let ordered = order(project, &selected).map_err(|cycle| {
        PlanError::Cycle(cycle.into_iter().map(|file| project.file(file).path.clone()).collect())
    })?;
    let mut building = Building::new(project, &selected);
    for file in ordered {
        building.add(file)?;
    }
    let layerfiles = building.planned.into_values().collect();
    assemble(layerfiles, building.nodes).map_err(PlanError::TooLarge)
}

fn refuse_errors(project: &Project, selected: &BTreeSet<FileId>) -> Result<(), PlanError> {
    let broken = selected
        .iter()
        .map(|id| project.file(*id))
        .find(|file| file.has_errors || file.parent == Parent::Unresolved);
    broken.map_or(Ok(()), |file| Err(PlanError::HasErrors(file.path.clone())))
}

/// A plan in the making.
struct Building<'project> {
    project: &'project Project,
    ids: BTreeMap<FileId, LayerfileId>,
    names: BTreeMap<FileId, String>,
    bases: BTreeMap<&'project str, u32>,
    nodes: Vec<Node>,
    planned: BTreeMap<LayerfileId, PlannedLayerfile>,
    environments: BTreeMap<FileId, Environment>,
}

impl<'project> Building<'project> {
    fn new(project: &'project Project, selected: &BTreeSet<FileId>) -> Self {
        let images: BTreeSet<&str> =
            selected.iter().filter_map(|file| image(project.file(*file))).collect();
        Self {
            project,
            ids: selected.iter().copied().zip((0..).map(LayerfileId)).collect(),
            names: runner_names(project),
            nodes: images.iter().map(|image| Node::Base { image: (*image).to_owned() }).collect(),
            bases: images.into_iter().zip(0..).collect(),
            planned: BTreeMap::new(),
            environments: BTreeMap::new(),
        }
    }

    /// Adds one Layerfile; what it needs is there already.
    fn add(&mut self, file: FileId) -> Result<(), PlanError> {
        let Some(&id) = self.ids.get(&file) else { return Ok(()) };
        let linked = self.project.file(file);
        let parent = self.parent(linked)?;
        let mut environment = self.inherited_environment(linked);
        let base = image(linked).and_then(|image| self.bases.get(image)).copied();
        let mut path_nodes: Vec<u32> = base.into_iter().collect();
        let mut policy = SnapshotPolicy::Automatic;
        for directive in &linked.directives {
            environment.apply(&directive.directive.instruction);
            if let Some(node) = self.node(id, linked, directive, &mut policy)? {
                path_nodes.push(self.push(node));
            }
        }
        path_nodes.push(self.push(Node::End { layerfile: id }));
        self.environments.insert(file, environment.clone());
        let planned = PlannedLayerfile {
            path: linked.path.clone(),
            digest: linked.digest,
            runner_name: self.names.remove(&file).unwrap_or_default(),
            status: check_status(linked),
            parent,
            copies: copies(linked),
            memory_bytes: own_memory(linked).max(self.memory_of(parent)),
            static_environment: environment.into_known(),
            path_nodes,
        };
        self.planned.insert(id, planned);
        Ok(())
    }

    fn push(&mut self, node: Node) -> u32 {
        let index = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(node);
        index
    }

    fn parent(&self, linked: &LinkedFile) -> Result<Option<LayerfileId>, PlanError> {
        let Parent::File(parent) = linked.parent else { return Ok(None) };
        let parent_file = self.project.file(parent);
        if copies(parent_file) > 1 {
            return Err(PlanError::SplitParent {
                child: linked.path.clone(),
                parent: parent_file.path.clone(),
            });
        }
        Ok(self.ids.get(&parent).copied())
    }

    fn inherited_environment(&self, linked: &LinkedFile) -> Environment {
        let Parent::File(parent) = linked.parent else { return Environment::default() };
        self.environments.get(&parent).map(Environment::inherited).unwrap_or_default()
    }

    fn memory_of(&self, parent: Option<LayerfileId>) -> Option<u64> {
        self.planned.get(&parent?)?.memory_bytes
    }

    /// The node of an instruction, if it has one.
    fn node(
        &self,
        layerfile: LayerfileId,
        linked: &LinkedFile,
        directive: &LinkedDirective,
        policy: &mut SnapshotPolicy,
    ) -> Result<Option<Node>, PlanError> {
        let line = directive.line;
        match &directive.directive.instruction {
            Instruction::Split(split) => {
                let ordered = split.order == SplitOrder::Ordered;
                return Ok(Some(Node::Fork {
                    layerfile,
                    line,
                    copies: split.copies.value.max(1),
                    ordered,
                }));
            }
            Instruction::Wait(_) => return Ok(self.join(layerfile, directive)),
            Instruction::Button(message) => {
                return Ok(Some(Node::Gate { layerfile, line, message: message.value.clone() }));
            }
            Instruction::Checkpoint(checkpoint) => *policy = policy_after(checkpoint),
            _ => {}
        }
        let action =
            action(directive, &linked.directory).map_err(|LeavesRepository(source_path)| {
                PlanError::LeavesRepository { file: linked.path.clone(), line, source_path }
            })?;
        let snapshot = snapshot_policy(&directive.directive.instruction, *policy);
        let text = wording(&directive.directive.instruction);
        Ok(action.map(|action| Node::Step(Step { layerfile, line, text, snapshot, action })))
    }

    fn join(&self, layerfile: LayerfileId, directive: &LinkedDirective) -> Option<Node> {
        let targets: BTreeSet<LayerfileId> =
            directive.waits.iter().filter_map(|file| self.ids.get(file).copied()).collect();
        let targets: Vec<LayerfileId> = targets.into_iter().collect();
        (!targets.is_empty()).then_some(Node::Join { layerfile, line: directive.line, targets })
    }
}

/// The base image of a file that starts from one.
fn image(linked: &LinkedFile) -> Option<&str> {
    match &linked.parent {
        Parent::Image(image) => Some(image),
        Parent::File(_) | Parent::Unresolved => None,
    }
}

/// What CHECKPOINT makes of the steps behind it, to the end of its file.
fn policy_after(checkpoint: &Checkpoint) -> SnapshotPolicy {
    match checkpoint {
        Checkpoint::Here | Checkpoint::Named(_) => SnapshotPolicy::Automatic,
        Checkpoint::Disabled => SnapshotPolicy::Forbidden,
    }
}

/// CHECKPOINT itself asks for a snapshot; other steps follow the policy in force.
fn snapshot_policy(instruction: &Instruction, policy: SnapshotPolicy) -> SnapshotPolicy {
    match instruction {
        Instruction::Checkpoint(Checkpoint::Here | Checkpoint::Named(_)) => {
            SnapshotPolicy::Required
        }
        _ => policy,
    }
}

/// The name of every Layerfile's runner. Names are given over the whole project, so that a selection does not change
/// them.
pub fn runner_names(project: &Project) -> BTreeMap<FileId, String> {
    let mut names = RunnerNames::default();
    let named = |id: FileId| {
        let linked = project.file(id);
        (id, names.give(&linked.directory, label(linked, "display_name"), copies(linked)))
    };
    project.ids().map(named).collect()
}

/// The value of the last LABEL pair with this key. Keys are compared as the language does, without regard to case.
fn label<'project>(linked: &'project LinkedFile, key: &str) -> Option<&'project str> {
    let pairs = linked.directives.iter().flat_map(|linked| match &linked.directive.instruction {
        Instruction::Label(pairs) => pairs.as_slice(),
        _ => &[],
    });
    let mut matching = pairs.filter(|pair: &&LabelPair| pair.key.value.eq_ignore_ascii_case(key));
    matching.next_back().map(|pair| pair.value.value.as_str())
}

fn check_status(linked: &LinkedFile) -> CheckStatus {
    match label(linked, "status") {
        Some(status) if status.eq_ignore_ascii_case("merge") => CheckStatus::Merge,
        Some(status) if status.eq_ignore_ascii_case("hidden") => CheckStatus::Hidden,
        Some(_) | None => CheckStatus::Shown,
    }
}

/// How many copies reach the end; several SPLIT multiply.
fn copies(linked: &LinkedFile) -> u32 {
    linked.directives.iter().fold(1, |copies: u32, linked| match &linked.directive.instruction {
        Instruction::Split(split) => copies.saturating_mul(split.copies.value.max(1)),
        _ => copies,
    })
}

fn own_memory(linked: &LinkedFile) -> Option<u64> {
    let memories =
        linked.directives.iter().filter_map(|linked| match &linked.directive.instruction {
            Instruction::Memory(memory) => Some(memory.bytes),
            _ => None,
        });
    memories.max()
}

#[cfg(test)]
mod tests;
