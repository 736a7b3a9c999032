//! Compiles a project before and after a change and compares the machines.
//!
//! Compared is, for every Layerfile that had a plan before: the base image, every instruction of its whole machine
//! (that of all files it starts from, in order) with resolved paths, what it waits for, its buttons and splits, the
//! snapshots it may make, its memory, and how its check is shown. Not compared are names of runners, lines, and which
//! file of the FROM chain an instruction is in: these are what refactorings change. Files that the change makes are
//! additional.

use super::change::{Change, Operation, Promise, Refusal};
use super::repository::{Repository, moved};
use layerc_compiler::link::compile;
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::Project;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{Entry, EntryKind, Sources};
use layerc_compiler::span::FileId;
use layerc_planner::plan::{Action, CheckStatus, LayerfileId, Node, Plan, SnapshotPolicy};
use layerc_planner::{Selection, build};
use std::collections::BTreeMap;

/// One thing that happens to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// It starts as this image.
    Base(String),
    /// An instruction.
    Step(Action, SnapshotPolicy),
    /// A SPLIT: copies, and whether they know their index.
    Fork(u32, bool),
    /// It waits for these Layerfiles.
    Join(Vec<RepoPath>),
    /// A button.
    Gate(String),
}

/// All that is compared of one Layerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// From the base image on.
    pub happenings: Vec<Happening>,
    /// Effective memory.
    pub memory_bytes: Option<u64>,
    /// Copies that reach its end.
    pub copies: u32,
    /// How its check is shown.
    pub status: CheckStatus,
}

/// The machines of every Layerfile without errors.
pub fn machines(project: &Project) -> BTreeMap<RepoPath, Machine> {
    let sound: Vec<FileId> = project.ids().filter(|id| !project.file(*id).has_errors).collect();
    let Ok(plan) = build(project, &Selection::Targets(sound)) else { return BTreeMap::new() };
    let mut machines = BTreeMap::new();
    for (index, layerfile) in (0..).zip(&plan.layerfiles) {
        let machine = Machine {
            happenings: happenings(&plan, LayerfileId(index)),
            memory_bytes: layerfile.memory_bytes,
            copies: layerfile.copies,
            status: layerfile.status,
        };
        machines.insert(layerfile.path.clone(), machine);
    }
    machines
}

fn happenings(plan: &Plan, id: LayerfileId) -> Vec<Happening> {
    let mut chain = vec![id];
    while let Some(parent) =
        chain.last().and_then(|id| plan.layerfile(*id)).and_then(|file| file.parent)
    {
        chain.push(parent);
    }
    let nodes = chain.iter().rev().flat_map(|id| plan.path(*id)).map(|(_, node)| node);
    nodes.filter_map(|node| happening(plan, node)).collect()
}

fn happening(plan: &Plan, node: &Node) -> Option<Happening> {
    Some(match node {
        Node::Base { image } => Happening::Base(image.clone()),
        Node::Step(step) => Happening::Step(step.action.clone(), step.snapshot),
        Node::Fork { copies, ordered, .. } => Happening::Fork(*copies, *ordered),
        Node::Join { targets, .. } => {
            let path = |id: &LayerfileId| plan.layerfile(*id).map(|file| file.path.clone());
            Happening::Join(targets.iter().filter_map(path).collect())
        }
        Node::Gate { message, .. } => Happening::Gate(message.clone()),
        Node::End { .. } => return None,
    })
}

/// Whether a change keeps what it promises to.
///
/// # Errors
/// With what differs.
pub fn prove(repository: &Repository<'_>, change: &Change) -> Result<(), Refusal> {
    prove_against(&machines(repository.project), repository, change)
}

/// Whether a change keeps what it promises to, given the machines before it.
///
/// # Errors
/// With what differs.
pub fn prove_against(
    before: &BTreeMap<RepoPath, Machine>,
    repository: &Repository<'_>,
    change: &Change,
) -> Result<(), Refusal> {
    if change.promise == Promise::Nothing {
        return Ok(());
    }
    let files = repository
        .after(change)
        .ok_or_else(|| Refusal::because("the text has changed in the meantime"))?;
    let renames: Vec<(&RepoPath, &RepoPath)> = change
        .operations
        .iter()
        .filter_map(|operation| match operation {
            Operation::Rename { from, to } => Some((from, to)),
            Operation::Edit { .. } | Operation::Create { .. } => None,
        })
        .collect();
    let sources = MovedSources { sources: repository.sources, renames: &renames };
    let after = machines(&compile(&files, &sources, &LintConfiguration::default()).project);
    for (path, machine) in before {
        let path = after_renames(path, &renames);
        let expected = with_renames(machine.clone(), &renames);
        match after.get(&path) {
            Some(found) if keeps(change.promise, &expected, found) => {}
            Some(_) => {
                return Err(Refusal::because(format!("this would change what `{path}` does")));
            }
            None => return Err(Refusal::because(format!("this would break `{path}`"))),
        }
    }
    Ok(())
}

fn keeps(promise: Promise, before: &Machine, after: &Machine) -> bool {
    let joined = |machine: &Machine| Machine {
        happenings: with_joined_commands(&machine.happenings),
        ..machine.clone()
    };
    match promise {
        Promise::SameMachines => before == after,
        Promise::SameCommands => joined(before) == joined(after),
        Promise::Nothing => true,
    }
}

fn with_joined_commands(happenings: &[Happening]) -> Vec<Happening> {
    use layerc_planner::plan::CommandMode::Plain;
    let mut result: Vec<Happening> = Vec::new();
    for happening in happenings {
        let mut next = happening.clone();
        if let Happening::Step(Action::Run { mode: Plain, command }, policy) = &mut next {
            *command = command.split_whitespace().collect::<Vec<_>>().join(" ");
            if let Some(Happening::Step(
                Action::Run { mode: Plain, command: before },
                before_policy,
            )) = result.last_mut()
                && before_policy == policy
            {
                before.push_str(" && ");
                before.push_str(command);
                continue;
            }
        }
        result.push(next);
    }
    result
}

fn after_renames(path: &RepoPath, renames: &[(&RepoPath, &RepoPath)]) -> RepoPath {
    renames.iter().fold(path.clone(), |path, (from, to)| moved(&path, from, to).unwrap_or(path))
}

/// A machine as it has to be after files were renamed: its paths follow.
fn with_renames(mut machine: Machine, renames: &[(&RepoPath, &RepoPath)]) -> Machine {
    for happening in &mut machine.happenings {
        match happening {
            Happening::Step(Action::Copy { sources, .. }, _) => {
                for source in sources {
                    if let Some(path) = RepoPath::new(source) {
                        *source = after_renames(&path, renames).as_str().to_owned();
                    }
                }
            }
            Happening::Step(Action::SetupFile { paths }, _) => {
                paths.iter_mut().for_each(|path| *path = after_renames(path, renames));
            }
            Happening::Join(paths) => {
                paths.iter_mut().for_each(|path| *path = after_renames(path, renames));
                paths.sort_unstable();
            }
            Happening::Base(_) | Happening::Step(..) | Happening::Fork(..) | Happening::Gate(_) => {
            }
        }
    }
    machine
}

/// A tree in which directories have moved.
struct MovedSources<'a> {
    sources: &'a dyn Sources,
    renames: &'a [(&'a RepoPath, &'a RepoPath)],
}

impl MovedSources<'_> {
    /// Where a path of the new tree was before; `None` if it was moved away.
    fn before(&self, path: &RepoPath) -> Option<RepoPath> {
        let mut path = path.clone();
        for (from, to) in self.renames.iter().rev() {
            match moved(&path, to, from) {
                Some(before) => path = before,
                None if moved(&path, from, to).is_some() => return None,
                None => {}
            }
        }
        Some(path)
    }
}

impl Sources for MovedSources<'_> {
    fn kind(&self, path: &RepoPath) -> Option<EntryKind> {
        let above_new = |(_, to): &(&RepoPath, &RepoPath)| to.is_at_or_below(path);
        let known = self.sources.kind(&self.before(path)?);
        known.or_else(|| {
            let root_known = self.sources.kind(&RepoPath::root()).is_some();
            (root_known && self.renames.iter().any(above_new)).then_some(EntryKind::Directory)
        })
    }

    fn list(&self, directory: &RepoPath) -> Vec<Entry> {
        let mut entries =
            self.before(directory).map(|before| self.sources.list(&before)).unwrap_or_default();
        let in_here = |path: &RepoPath| path.parent().as_ref() == Some(directory);
        for (from, to) in self.renames {
            entries
                .retain(|entry| !(in_here(from) && from.file_name() == Some(entry.name.as_str())));
            if let Some(name) = to.file_name().filter(|_| in_here(to)) {
                let kind = self.sources.kind(from).unwrap_or(EntryKind::Directory);
                entries.push(Entry { name: name.to_owned(), kind });
            }
        }
        entries.sort_unstable();
        entries
    }
}
