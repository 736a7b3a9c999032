//! Nodes and paths to a graph. The edges follow from them: along each path, from a parent's end to its child's
//! beginning, and from the end of whatever is waited for to the waiting node. So they are nowhere stored, and a plan
//! file can't hold edges that disagree with its paths.

use crate::limits;
use crate::plan::{Edge, Node, Plan, PlannedLayerfile};
use crate::validity::{InvalidPlan, at_most, check};
use petgraph::graph::{DiGraph, NodeIndex};

/// The plan of these nodes and paths, if they are one.
pub(crate) fn assemble(
    layerfiles: Vec<PlannedLayerfile>,
    nodes: Vec<Node>,
) -> Result<Plan, InvalidPlan> {
    check(&layerfiles, &nodes)?;
    let edges = edges(&layerfiles, &nodes)?;
    let mut graph = DiGraph::with_capacity(nodes.len(), edges.len());
    for node in nodes {
        graph.add_node(node);
    }
    for (from, to, edge) in edges {
        graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), edge);
    }
    Ok(Plan { layerfiles, graph })
}

/// The edges, by Layerfile and then along its path.
fn edges(
    layerfiles: &[PlannedLayerfile],
    nodes: &[Node],
) -> Result<Vec<(u32, u32, Edge)>, InvalidPlan> {
    let end_of = |file: &PlannedLayerfile| file.path_nodes.last().copied();
    let mut edges = Vec::with_capacity(nodes.len());
    for layerfile in layerfiles {
        let parent =
            layerfile.parent.and_then(|parent| layerfiles.get(parent.0 as usize)).and_then(end_of);
        let mut previous = parent;
        for &index in &layerfile.path_nodes {
            edges.extend(previous.map(|previous| (previous, index, Edge::State)));
            previous = Some(index);
            if let Some(Node::Join { targets, .. }) = nodes.get(index as usize) {
                at_most(edges.len() + targets.len(), limits::MAX_EDGES, "edges")?;
                let ends = targets
                    .iter()
                    .filter_map(|target| layerfiles.get(target.0 as usize))
                    .filter_map(end_of);
                edges.extend(ends.map(|end| (end, index, Edge::Order)));
            }
        }
    }
    at_most(edges.len(), limits::MAX_EDGES, "edges")?;
    Ok(edges)
}
