//! A plan in the language of Graphviz: one cluster for each Layerfile, solid edges for state, dashed ones for order.

use super::{StepAnnotations, annotation_text, facts, node_text, shortened};
use crate::plan::{Edge, LayerfileId, Node, Plan, PlannedLayerfile};

/// Characters of one node that are shown.
const NODE_CHARACTERS: usize = 60;

/// The digraph.
pub fn render(plan: &Plan, annotations: &StepAnnotations) -> String {
    let mut text = String::from(
        "digraph plan {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\", fontsize=10];\n  \
         graph [fontname=\"sans-serif\", fontsize=12, style=rounded];\n",
    );
    for (node, index) in plan.graph.node_weights().zip(0..) {
        if matches!(node, Node::Base { .. }) {
            text += &statement("  ", plan, node, index, annotations);
        }
    }
    for (layerfile, id) in plan.layerfiles.iter().zip((0..).map(LayerfileId)) {
        text += &cluster(plan, layerfile, id, annotations);
    }
    for edge in plan.graph.raw_edges() {
        let style = match edge.weight {
            Edge::State => "",
            Edge::Order => " [style=dashed, constraint=true]",
        };
        text += &format!("  n{} -> n{}{style};\n", edge.source().index(), edge.target().index());
    }
    text + "}\n"
}

fn cluster(
    plan: &Plan,
    layerfile: &PlannedLayerfile,
    id: LayerfileId,
    annotations: &StepAnnotations,
) -> String {
    let mut heading = vec![layerfile.runner_name.clone(), layerfile.path.to_string()];
    heading.extend(facts(layerfile));
    let mut text =
        format!("  subgraph cluster_{} {{\n    label={};\n", id.0, quoted(&heading.join(" · ")));
    for (index, node) in plan.path(id) {
        if !matches!(node, Node::Base { .. }) {
            text += &statement(
                "    ",
                plan,
                node,
                u32::try_from(index.index()).unwrap_or(u32::MAX),
                annotations,
            );
        }
    }
    text + "  }\n"
}

fn statement(
    indent: &str,
    plan: &Plan,
    node: &Node,
    index: u32,
    annotations: &StepAnnotations,
) -> String {
    let mut label = shortened(&node_text(plan, node), NODE_CHARACTERS);
    if let Some(annotation) = annotations.get(&index) {
        label = format!("{label}\n({})", annotation_text(annotation));
    }
    let shape = match node {
        Node::Base { .. } => ", shape=cylinder",
        Node::Step(_) => "",
        Node::Fork { .. } => ", shape=trapezium",
        Node::Join { .. } => ", shape=invtrapezium",
        Node::Gate { .. } => ", shape=hexagon",
        Node::End { .. } => ", shape=point",
    };
    format!("{indent}n{index} [label={}{shape}];\n", quoted(&label))
}

/// A string of the language: quotes and backslashes escaped, line ends as `\n`.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
