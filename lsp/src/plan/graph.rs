//! The plan of a repository as a picture, with the place in a file of everything in it.

use crate::workspace::FileView;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::span::Span;
use layerc_planner::plan::{Node, Plan};
use layerc_planner::render::{StepAnnotations, svg};
use ls_types::{Range, Uri};
use serde::Serialize;
use std::sync::Arc;

/// A picture that knows where its parts are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// A self-contained SVG. Rows have `data-node`, boxes `data-layerfile`.
    pub svg: String,
    /// Where each node is written.
    pub nodes: Vec<NodePlace>,
    /// Where each Layerfile is.
    pub layerfiles: Vec<LayerfilePlace>,
}

/// Where a node is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodePlace {
    /// Its number in the picture.
    pub node: u32,
    /// The file.
    pub uri: Uri,
    /// The instruction.
    pub range: Range,
}

/// Where a Layerfile is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerfilePlace {
    /// Its number in the picture.
    pub layerfile: u32,
    /// The file.
    pub uri: Uri,
    /// The name of its runner.
    pub name: String,
}

/// The picture of the repository that a file is in; `None` if nothing in it can be planned.
pub fn graph(view: FileView<'_>) -> Option<Graph> {
    let plan = view.repository.plan().ok()?;
    let mut nodes = Vec::new();
    for (index, node) in plan.graph.node_weights().enumerate() {
        let place = place(view, plan, node);
        nodes.extend(place.map(|(uri, range)| NodePlace { node: number(index), uri, range }));
    }
    let files = plan.layerfiles.iter().enumerate();
    let layerfiles = files.filter_map(|(index, file)| {
        let uri = find(view, &file.path)?.document.uri().clone();
        Some(LayerfilePlace { layerfile: number(index), uri, name: file.runner_name.clone() })
    });
    Some(Graph {
        svg: svg::render(plan, &annotations(view, plan)),
        nodes,
        layerfiles: layerfiles.collect(),
    })
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn find<'s>(view: FileView<'s>, path: &RepoPath) -> Option<FileView<'s>> {
    view.sibling(view.repository.find(path)?)
}

/// Where a node is written: the instruction on its line.
fn place(view: FileView<'_>, plan: &Plan, node: &Node) -> Option<(Uri, Range)> {
    let (layerfile, line) = match node {
        Node::Step(step) => (step.layerfile, step.line),
        Node::Fork { layerfile, line, .. }
        | Node::Join { layerfile, line, .. }
        | Node::Gate { layerfile, line, .. } => (*layerfile, *line),
        Node::Base { .. } | Node::End { .. } => return None,
    };
    let file = find(view, &plan.layerfile(layerfile)?.path)?;
    let lines = &file.analysis().lines;
    let directives = file.analysis().directives.iter();
    let mut at_line = directives.filter(|directive| lines.line(directive.span.start()) + 1 == line);
    let span: Span = at_line.next()?.span;
    Some((file.document.uri().clone(), file.range(span)))
}

fn annotations(view: FileView<'_>, plan: &Arc<Plan>) -> StepAnnotations {
    let forecast = view.snapshot.host().forecast().zip(view.repository.directory());
    let facts = forecast.map(|(forecast, directory)| forecast.forecast(directory, plan));
    let facts = facts.iter().flat_map(|facts| facts.iter());
    facts.filter_map(|facts| Some((facts.node, facts.outlook.clone()?))).collect()
}
