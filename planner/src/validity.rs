//! What makes a plan a plan. Checked when one is built and again when one is decoded, by the same code.
//!
//! The nodes of a plan are kept in an order in which they could run: nothing needs a node behind itself. That makes
//! "acyclic" a property one can see, and every later pass over the plan a single loop.

use crate::limits;
use crate::plan::{Action, LayerfileId, Node, PlannedLayerfile, Step};
use layerc_compiler::repo_path::RepoPath;
use std::collections::HashSet;
use thiserror::Error;

/// Why something is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidPlan {
    /// A limit of [`crate::limits`] is passed.
    #[error("{found} {what}, but at most {maximum} are allowed")]
    TooMany {
        /// What there is too much of, as a plural.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        maximum: usize,
    },
    /// The Layerfiles are not sorted by path, or one occurs twice.
    #[error("Layerfile {0} is not behind the one before it by path")]
    LayerfilesOutOfOrder(u32),
    /// Two runners have one name.
    #[error("two runners are called `{0}`")]
    RunnerNameTwice(String),
    /// A path is not a sequence of the file's own nodes from its beginning to its end.
    #[error("the path of Layerfile {layerfile} is broken: {reason}")]
    BrokenPath {
        /// Which Layerfile.
        layerfile: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A node says something impossible.
    #[error("node {node} is broken: {reason}")]
    BrokenNode {
        /// Which node.
        node: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Checks everything that the types leave open.
pub(crate) fn check(layerfiles: &[PlannedLayerfile], nodes: &[Node]) -> Result<(), InvalidPlan> {
    at_most(layerfiles.len(), limits::MAX_LAYERFILES, "Layerfiles")?;
    at_most(nodes.len(), limits::MAX_NODES, "nodes")?;
    check_names(layerfiles)?;
    let bases = check_bases(nodes)?;
    for (node, index) in nodes.iter().zip(0..) {
        check_node(node, layerfiles.len())
            .map_err(|reason| InvalidPlan::BrokenNode { node: index, reason })?;
    }
    let mut on_paths = 0;
    let mut used_bases = HashSet::new();
    for (layerfile, index) in layerfiles.iter().zip(0..) {
        on_paths += check_path(layerfile, LayerfileId(index), nodes, &mut used_bases)
            .and_then(|own_nodes| check_layerfile(layerfile, layerfiles, nodes).map(|()| own_nodes))
            .map_err(|reason| InvalidPlan::BrokenPath { layerfile: index, reason })?;
    }
    if on_paths + used_bases.len() != nodes.len() || used_bases.len() != bases {
        return Err(InvalidPlan::BrokenNode { node: 0, reason: "some node is on no path" });
    }
    check_joins(layerfiles, nodes)
}

/// Refuses more than `maximum` of something.
pub(crate) fn at_most(found: usize, maximum: usize, what: &'static str) -> Result<(), InvalidPlan> {
    if found > maximum { Err(InvalidPlan::TooMany { what, found, maximum }) } else { Ok(()) }
}

fn check_names(layerfiles: &[PlannedLayerfile]) -> Result<(), InvalidPlan> {
    let mut names = HashSet::new();
    let mut previous: Option<&RepoPath> = None;
    for (layerfile, index) in layerfiles.iter().zip(0..) {
        if previous.is_some_and(|previous| *previous >= layerfile.path) {
            return Err(InvalidPlan::LayerfilesOutOfOrder(index));
        }
        previous = Some(&layerfile.path);
        if !names.insert(layerfile.runner_name.as_str()) {
            return Err(InvalidPlan::RunnerNameTwice(layerfile.runner_name.clone()));
        }
        check_strings(layerfile)?;
    }
    Ok(())
}

fn check_strings(layerfile: &PlannedLayerfile) -> Result<(), InvalidPlan> {
    let variables = &layerfile.static_environment;
    at_most(layerfile.path_nodes.len(), limits::MAX_LIST_ENTRIES, "nodes on one path")?;
    at_most(variables.len(), limits::MAX_LIST_ENTRIES, "variables of one Layerfile")?;
    let own = [layerfile.path.as_str(), layerfile.runner_name.as_str()];
    let longest = own
        .into_iter()
        .chain(variables.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    at_most(
        longest.map(str::len).max().unwrap_or(0),
        limits::MAX_STRING_BYTES,
        "bytes in one string",
    )
}

/// Bases come first, sorted by image, each once. Returns how many there are.
fn check_bases(nodes: &[Node]) -> Result<usize, InvalidPlan> {
    let mut bases = 0;
    let mut previous: Option<&str> = None;
    for (node, index) in nodes.iter().zip(0..) {
        let Node::Base { image } = node else { continue };
        if index != bases || previous.is_some_and(|previous| previous >= image.as_str()) {
            return Err(InvalidPlan::BrokenNode {
                node: index,
                reason: "base images are not first and sorted",
            });
        }
        previous = Some(image);
        bases += 1;
    }
    Ok(bases as usize)
}

fn check_node(node: &Node, layerfiles: usize) -> Result<(), &'static str> {
    if owner(node).is_some_and(|owner| owner.0 as usize >= layerfiles) {
        return Err("it belongs to no Layerfile");
    }
    match node {
        Node::Base { image } if image.is_empty() => Err("the image has no name"),
        Node::Base { image } => short(image),
        Node::Step(step) => check_step(step),
        Node::Fork { copies: 0, .. } => Err("a split into no copies"),
        Node::Join { targets, .. } if targets.is_empty() => Err("it waits for nothing"),
        Node::Join { targets, .. } if !targets.is_sorted_by(|a, b| a < b) => {
            Err("its targets are not sorted")
        }
        Node::Gate { message, .. } => short(message),
        Node::Fork { .. } | Node::Join { .. } | Node::End { .. } => Ok(()),
    }
}

fn check_step(step: &Step) -> Result<(), &'static str> {
    short(&step.text)?;
    match &step.action {
        Action::Run { command: text, .. }
        | Action::User { name: text }
        | Action::Workdir { path: text }
        | Action::Unsupported { keyword: text } => short(text),
        Action::Copy { sources, destination } => {
            check_sources(sources)?;
            short(destination)
        }
        Action::Env { pairs } => {
            few(pairs)?;
            pairs.iter().try_for_each(|(name, value)| short(name).and(short(value)))
        }
        Action::BuildEnv { names: list }
        | Action::SecretEnv { names: list }
        | Action::Cache { paths: list } => {
            few(list)?;
            list.iter().try_for_each(|text| short(text))
        }
        Action::Checkpoint { name } => name.iter().try_for_each(|name| short(name)),
        Action::ExposeWebsite { port: 0, .. } | Action::ExposeTcp { source: 0, .. } => {
            Err("port 0")
        }
        Action::ExposeTcp { destination: 0, .. } => Err("port 0"),
        Action::ExposeTcp { .. } => Ok(()),
        Action::ExposeWebsite { path, rewrite, .. } => {
            short(path).and(rewrite.iter().try_for_each(|text| short(text)))
        }
        Action::SetupFile { paths } => {
            few(paths).and(paths.iter().try_for_each(|path| short(path.as_str())))
        }
        Action::Clone { url, default_branch, sources, destination } => {
            few(sources)?;
            let texts = [url, destination].into_iter().chain(default_branch).chain(sources);
            texts.into_iter().try_for_each(|text| short(text))
        }
        Action::SkipIf { conditions } => {
            few(conditions)?;
            conditions
                .iter()
                .try_for_each(|condition| short(&condition.name).and(short(&condition.value)))
        }
    }
}

/// COPY sources are paths of the repository in their one spelling, so they can't climb out of it.
fn check_sources(sources: &[String]) -> Result<(), &'static str> {
    few(sources)?;
    if sources.is_empty() {
        return Err("it copies nothing");
    }
    sources.iter().try_for_each(|source| {
        short(source)?;
        let is_normal = RepoPath::new(source).is_some_and(|path| path.as_str() == source);
        if is_normal { Ok(()) } else { Err("a source is no path of the repository") }
    })
}

fn short(text: &str) -> Result<(), &'static str> {
    if text.len() > limits::MAX_STRING_BYTES { Err("a text is longer than 1 MiB") } else { Ok(()) }
}

fn few<T>(list: &[T]) -> Result<(), &'static str> {
    if list.len() > limits::MAX_LIST_ENTRIES { Err("a list is too long") } else { Ok(()) }
}

/// The Layerfile a node belongs to; `None` for base images, which belong to all.
pub(crate) fn owner(node: &Node) -> Option<LayerfileId> {
    match node {
        Node::Base { .. } => None,
        Node::Step(Step { layerfile, .. })
        | Node::Fork { layerfile, .. }
        | Node::Join { layerfile, .. }
        | Node::Gate { layerfile, .. }
        | Node::End { layerfile } => Some(*layerfile),
    }
}

/// Checks the order and ownership of a path's nodes; returns how many are the file's own.
fn check_path(
    layerfile: &PlannedLayerfile,
    id: LayerfileId,
    nodes: &[Node],
    used_bases: &mut HashSet<u32>,
) -> Result<usize, &'static str> {
    let path = &layerfile.path_nodes;
    if !path.is_sorted_by(|a, b| a < b) {
        return Err("its nodes are not in running order");
    }
    let last = path.len().checked_sub(1).ok_or("it is empty")?;
    let mut copies: u32 = 1;
    for (position, &index) in path.iter().enumerate() {
        let node = nodes.get(index as usize).ok_or("it names a node that does not exist")?;
        if (position == last) != matches!(node, Node::End { .. }) {
            return Err("its end is not its last node");
        }
        match node {
            Node::Base { .. } if position == 0 && layerfile.parent.is_none() => {
                used_bases.insert(index);
            }
            Node::Base { .. } => return Err("a base image is not at its beginning"),
            _ if owner(node) != Some(id) => return Err("a node belongs to another Layerfile"),
            _ if position == 0 && layerfile.parent.is_none() => {
                return Err("it starts from nothing");
            }
            Node::Fork { copies: factor, .. } => copies = copies.saturating_mul(*factor),
            Node::Step(_) | Node::Join { .. } | Node::Gate { .. } | Node::End { .. } => {}
        }
    }
    if copies != layerfile.copies {
        return Err("the number of its copies is wrong");
    }
    Ok(path.len() - usize::from(layerfile.parent.is_none()))
}

/// A parent exists, is not split and ends before its child begins.
fn check_layerfile(
    layerfile: &PlannedLayerfile,
    layerfiles: &[PlannedLayerfile],
    nodes: &[Node],
) -> Result<(), &'static str> {
    let Some(parent) = layerfile.parent else { return Ok(()) };
    let parent = layerfiles.get(parent.0 as usize).ok_or("its parent does not exist")?;
    if parent.copies != 1 {
        return Err("its parent is split");
    }
    let end = parent.path_nodes.last().ok_or("its parent has no end")?;
    if !matches!(nodes.get(*end as usize), Some(Node::End { .. })) {
        return Err("its parent has no end");
    }
    if layerfile.path_nodes.first() <= Some(end) {
        Err("it begins before its parent ends")
    } else {
        Ok(())
    }
}

/// Everything waited for ends before the waiting begins.
fn check_joins(layerfiles: &[PlannedLayerfile], nodes: &[Node]) -> Result<(), InvalidPlan> {
    for (node, index) in nodes.iter().zip(0..) {
        let Node::Join { targets, .. } = node else { continue };
        for target in targets {
            let end = layerfiles.get(target.0 as usize).and_then(|file| file.path_nodes.last());
            if end.is_none_or(|end| *end >= index) {
                return Err(InvalidPlan::BrokenNode {
                    node: index,
                    reason: "it waits for what does not end before",
                });
            }
        }
    }
    Ok(())
}
