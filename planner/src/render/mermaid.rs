//! A plan in the language of Mermaid, which forges and wikis show as a picture: one subgraph for each Layerfile.

use super::{StepAnnotations, annotation_text, facts, node_text, shortened};
use crate::plan::{Edge, LayerfileId, Node, Plan, PlannedLayerfile};

/// Characters of one node that are shown.
const NODE_CHARACTERS: usize = 50;

/// The flowchart.
pub fn render(plan: &Plan, annotations: &StepAnnotations) -> String {
    let mut text = String::from("flowchart LR\n");
    for (node, index) in plan.graph.node_weights().zip(0..) {
        if let Node::Base { image } = node {
            text += &format!("  n{index}[({})]\n", quoted(image));
        }
    }
    for (layerfile, id) in plan.layerfiles.iter().zip((0..).map(LayerfileId)) {
        text += &subgraph(plan, layerfile, id, annotations);
    }
    for edge in plan.graph.raw_edges() {
        let arrow = match edge.weight {
            Edge::State => "-->",
            Edge::Order => "-.->",
        };
        text += &format!("  n{} {arrow} n{}\n", edge.source().index(), edge.target().index());
    }
    text
}

fn subgraph(
    plan: &Plan,
    layerfile: &PlannedLayerfile,
    id: LayerfileId,
    annotations: &StepAnnotations,
) -> String {
    let mut heading = vec![layerfile.runner_name.clone()];
    heading.extend(facts(layerfile));
    let mut text = format!("  subgraph l{}[{}]\n", id.0, quoted(&heading.join(" · ")));
    for (index, node) in plan.path(id) {
        let label = shortened(&node_text(plan, node), NODE_CHARACTERS);
        let annotation =
            u32::try_from(index.index()).ok().and_then(|index| annotations.get(&index));
        let label = annotation
            .map_or_else(|| label.clone(), |note| format!("{label} ({})", annotation_text(note)));
        let (open, close) = match node {
            Node::Base { .. } => continue,
            Node::Step(_) => ("[", "]"),
            Node::Fork { .. } => ("[/", "\\]"),
            Node::Join { .. } => ("[\\", "/]"),
            Node::Gate { .. } => ("{{", "}}"),
            Node::End { .. } => ("((", "))"),
        };
        text += &format!("    n{}{open}{}{close}\n", index.index(), quoted(&label));
    }
    text + "  end\n"
}

/// A string of the language. It has no escapes, but numbered characters, and reads `#` as the start of one.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' => {
                quoted += &format!("#{};", u32::from(character));
            }
            control if control.is_control() => quoted.push(' '),
            plain => quoted.push(plain),
        }
    }
    quoted + "\""
}
