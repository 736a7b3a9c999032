//! A plan as a self-contained picture: a box for each base image and Layerfile, its steps inside, solid links for
//! state and dashed ones for WAIT, left to right in running order.
//!
//! Boxes carry `data-layerfile` and steps `data-node`, the numbers of the plan, for programs that show more.
//! Needs no font, script or network; follows the reader's light or dark setting.

mod layout;

use super::{
    StepAnnotation, StepAnnotations, annotation_text, facts, node_text, shortened, summary,
};
use crate::plan::{LayerfileId, Node, Plan, PlannedLayerfile};
use layout::{Block, Layout, Link, Place, Track, layout};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Around everything.
const MARGIN: f64 = 24.0;
/// Height of a box's heading.
const HEADING_HEIGHT: f64 = 42.0;
/// Height of one step.
const ROW_HEIGHT: f64 = 17.0;
/// Width of one character of a step; generous, so that any monospace font fits.
const CHARACTER_WIDTH: f64 = 6.8;
/// Characters of a step that are shown; all of them are in its tooltip.
const ROW_CHARACTERS: usize = 46;
/// Steps shown in one box; of more, those in the middle are counted only. What shapes the plan is always shown.
const ROWS_SHOWN: usize = 14;

/// Plain colours first, because some viewers know neither variables nor media queries.
const STYLE: &str = "\
text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2933}\
.name{font:600 13px system-ui,sans-serif}.soft{font:11px system-ui,sans-serif;fill:#5f6c7b}\
.page{fill:#fbfcfd}.box{fill:#fff;stroke:#9aa5b1}.head{fill:#eef2f7}.shape{fill:#9a3412}.cached{fill:#15803d}\
.state{fill:none;stroke:#8793a1;stroke-width:1.5}\
.order{fill:none;stroke:#b45309;stroke-width:1.2;stroke-dasharray:5 4}.tip{fill:#8793a1}.wtip{fill:#b45309}\
@media (prefers-color-scheme:dark){text{fill:#e4e7eb}.soft{fill:#9aa5b1}.page{fill:#12181f}\
.box{fill:#1f2933;stroke:#616e7c}.head{fill:#323f4b}.shape{fill:#fdba74}.cached{fill:#4ade80}\
.order{stroke:#fbbf24}.wtip{fill:#fbbf24}}";

/// A box: a base image or a Layerfile.
struct Drawn<'plan> {
    name: &'plan str,
    /// The Layerfile it shows; `None` for a base image.
    layerfile: Option<LayerfileId>,
    /// Below the name.
    detail: String,
    rows: Vec<Row>,
    block: Block,
}

/// A line in a box.
struct Row {
    text: String,
    tooltip: String,
    class: &'static str,
    /// The node it shows; `None` for "3 more steps".
    node: Option<u32>,
}

/// A link, and where it arrives.
struct Drawing {
    link: Link,
    class: &'static str,
    /// Distance below the top of the box it leads to.
    arrival: f64,
}

/// The picture.
pub fn render(plan: &Plan, annotations: &StepAnnotations) -> String {
    let order = drawing_order(plan);
    let boxes = boxes(plan, &order, annotations);
    let links = links(plan, &order, &boxes);
    let blocks: Vec<Block> = boxes.iter().map(|drawn| drawn.block).collect();
    let only_links: Vec<Link> = links.iter().map(|drawing| drawing.link).collect();
    let layout = layout(&blocks, &only_links);
    let mut svg = opening(&layout, &summary(plan));
    for (drawing, tracks) in links.iter().zip(&layout.tracks) {
        svg += &link(drawing, tracks, &boxes, &layout.places);
    }
    for (drawn, place) in boxes.iter().zip(&layout.places) {
        svg += &draw(drawn, *place);
    }
    svg + "</g>\n</svg>\n"
}

/// What is drawn, in running order: base images, then Layerfiles as their ends come.
struct Order {
    bases: Vec<u32>,
    layerfiles: Vec<LayerfileId>,
    /// Position of each Layerfile among all boxes.
    positions: BTreeMap<LayerfileId, usize>,
}

fn drawing_order(plan: &Plan) -> Order {
    let nodes = plan.graph.node_weights().zip(0_u32..);
    let bases: Vec<u32> = nodes
        .filter(|(node, _)| matches!(node, Node::Base { .. }))
        .map(|(_, index)| index)
        .collect();
    let ends = plan.graph.node_weights().filter_map(|node| match node {
        Node::End { layerfile } => Some(*layerfile),
        Node::Base { .. }
        | Node::Step(_)
        | Node::Fork { .. }
        | Node::Join { .. }
        | Node::Gate { .. } => None,
    });
    let layerfiles: Vec<LayerfileId> = ends.collect();
    let positions = layerfiles.iter().copied().zip(bases.len()..).collect();
    Order { bases, layerfiles, positions }
}

fn boxes<'plan>(
    plan: &'plan Plan,
    order: &Order,
    annotations: &StepAnnotations,
) -> Vec<Drawn<'plan>> {
    let images = plan.graph.node_weights().filter_map(|node| match node {
        Node::Base { image } => Some(drawn(image, "base image".to_owned(), Vec::new())),
        Node::Step(_)
        | Node::Fork { .. }
        | Node::Join { .. }
        | Node::Gate { .. }
        | Node::End { .. } => None,
    });
    let files = order.layerfiles.iter().filter_map(|id| Some((*id, plan.layerfile(*id)?)));
    let files = files.map(|(id, file)| Drawn {
        layerfile: Some(id),
        ..drawn(&file.runner_name, detail(file), rows(plan, id, annotations))
    });
    images.chain(files).collect()
}

fn detail(file: &PlannedLayerfile) -> String {
    let mut detail = vec![file.path.to_string()];
    detail.extend(facts(file));
    shortened(&detail.join(" · "), ROW_CHARACTERS)
}

fn drawn(name: &str, detail: String, rows: Vec<Row>) -> Drawn<'_> {
    let longest = rows.iter().map(|row| row.text.chars().count()).max().unwrap_or(0);
    let longest = longest.max(detail.chars().count()).max(name.chars().count() + 4).max(16);
    let below = if rows.is_empty() { 0.0 } else { rows.len() as f64 * ROW_HEIGHT + 10.0 };
    let block = Block {
        width: longest as f64 * CHARACTER_WIDTH + 20.0,
        height: HEADING_HEIGHT + below,
        port: HEADING_HEIGHT / 2.0,
    };
    Drawn { name, layerfile: None, detail, rows, block }
}

fn rows(plan: &Plan, id: LayerfileId, annotations: &StepAnnotations) -> Vec<Row> {
    let nodes =
        plan.path(id).filter(|(_, node)| !matches!(node, Node::Base { .. } | Node::End { .. }));
    let all: Vec<Row> =
        nodes.map(|(index, node)| row(plan, node, index.index() as u32, annotations)).collect();
    if all.len() <= ROWS_SHOWN {
        return all;
    }
    let (count, mut left_out, mut shown) = (all.len(), 0, Vec::new());
    for (position, row) in all.into_iter().enumerate() {
        let at_an_end = position < ROWS_SHOWN / 2 || position + ROWS_SHOWN / 2 >= count;
        if at_an_end || row.class == "shape" {
            shown.extend(more(left_out));
            left_out = 0;
            shown.push(row);
        } else {
            left_out += 1;
        }
    }
    shown
}

/// Stands for steps that are not shown.
fn more(steps: usize) -> Option<Row> {
    let text = format!("… {steps} more step{}", if steps == 1 { "" } else { "s" });
    (steps > 0).then(|| Row { tooltip: text.clone(), text, class: "soft", node: None })
}

fn row(plan: &Plan, node: &Node, index: u32, annotations: &StepAnnotations) -> Row {
    let annotation = annotations.get(&index);
    let text = node_text(plan, node);
    let tooltip = annotation
        .map_or_else(|| text.clone(), |note| format!("{text} ({})", annotation_text(note)));
    let class = match (node, annotation) {
        (_, Some(StepAnnotation::Cached)) => "cached",
        (Node::Fork { .. } | Node::Join { .. } | Node::Gate { .. }, _) => "shape",
        (Node::Base { .. } | Node::Step(_) | Node::End { .. }, _) => "step",
    };
    Row { text: shortened(&text, ROW_CHARACTERS), tooltip, class, node: Some(index) }
}

fn links(plan: &Plan, order: &Order, boxes: &[Drawn<'_>]) -> Vec<Drawing> {
    let mut links = Vec::new();
    for (id, to) in order.layerfiles.iter().zip(order.bases.len()..) {
        let Some(file) = plan.layerfile(*id) else { continue };
        let start = match file.parent {
            Some(parent) => order.positions.get(&parent).copied(),
            None => order.bases.iter().position(|base| file.path_nodes.first() == Some(base)),
        };
        let state = start.map(|from| Drawing {
            link: Link { from, to },
            class: "state",
            arrival: HEADING_HEIGHT / 2.0,
        });
        links.extend(state);
        for (index, node) in plan.path(*id) {
            let Node::Join { targets, .. } = node else { continue };
            let arrival = boxes
                .get(to)
                .map_or(HEADING_HEIGHT / 2.0, |drawn| row_height(drawn, index.index()));
            let waits = targets.iter().filter_map(|target| order.positions.get(target));
            links.extend(waits.map(|from| Drawing {
                link: Link { from: *from, to },
                class: "order",
                arrival,
            }));
        }
    }
    links
}

/// Where the row of a node is: distance below the top of its box.
fn row_height(drawn: &Drawn<'_>, node: usize) -> f64 {
    let row =
        drawn.rows.iter().position(|row| row.node.is_some_and(|shown| shown as usize == node));
    row.map_or(HEADING_HEIGHT / 2.0, |row| HEADING_HEIGHT + (row as f64 + 0.5) * ROW_HEIGHT + 4.0)
}

fn opening(layout: &Layout, summary: &str) -> String {
    let (width, height) = (layout.width + 2.0 * MARGIN, layout.height + 2.0 * MARGIN);
    let marker = |name: &str, class: &str| {
        format!(
            "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path class=\"{class}\" d=\"M0 0L8 4L0 8z\"/></marker>"
        )
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\">\n<title>Plan: {}</title>\n<style>{STYLE}</style>\n<defs>{}{}</defs>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n<g transform=\"translate({MARGIN} {MARGIN})\">\n",
        escaped(summary),
        marker("state", "tip"),
        marker("order", "wtip"),
    )
}

/// A link: a curve between columns, a straight line through each column that it crosses.
fn link(drawing: &Drawing, tracks: &[Track], boxes: &[Drawn<'_>], places: &[Place]) -> String {
    let Link { from, to } = drawing.link;
    let (Some(start), Some(source), Some(end)) =
        (places.get(from), boxes.get(from), places.get(to))
    else {
        return String::new();
    };
    let (mut x, mut y) = (start.left + source.block.width, start.top + source.block.port);
    let mut path = format!("M{x:.1} {y:.1}");
    let mut curve_to = |to_x: f64, to_y: f64, then_x: f64| {
        let bend = (to_x - x) / 2.0;
        let _infallible = write!(
            path,
            "C{:.1} {y:.1} {:.1} {to_y:.1} {to_x:.1} {to_y:.1}",
            x + bend,
            to_x - bend
        );
        if then_x > to_x {
            let _infallible = write!(path, "H{then_x:.1}");
        }
        (x, y) = (then_x, to_y);
    };
    for track in tracks {
        curve_to(track.left, track.height, track.right);
    }
    curve_to(end.left - 1.0, end.top + drawing.arrival, end.left - 1.0);
    format!("<path class=\"{0}\" d=\"{path}\" marker-end=\"url(#{0})\"/>\n", drawing.class)
}

fn draw(drawn: &Drawn<'_>, place: Place) -> String {
    let layerfile =
        drawn.layerfile.map_or(String::new(), |id| format!(" data-layerfile=\"{}\"", id.0));
    let Block { width, height, .. } = drawn.block;
    let mut svg = format!(
        "<g{layerfile} transform=\"translate({:.1} {:.1})\">\n<rect class=\"box\" width=\"{width:.1}\" height=\"{height:.1}\" \
         rx=\"6\"/>\n<rect class=\"head\" x=\"1\" y=\"1\" width=\"{:.1}\" height=\"{:.1}\" rx=\"5\"/>\n",
        place.left,
        place.top,
        width - 2.0,
        HEADING_HEIGHT - 2.0
    );
    svg += &format!("<text class=\"name\" x=\"10\" y=\"18\">{}</text>\n", escaped(drawn.name));
    svg += &format!("<text class=\"soft\" x=\"10\" y=\"33\">{}</text>\n", escaped(&drawn.detail));
    for (row, index) in drawn.rows.iter().zip(0_u16..) {
        let y = HEADING_HEIGHT + (f64::from(index) + 0.5) * ROW_HEIGHT + 8.0;
        let node = row.node.map_or(String::new(), |node| format!(" data-node=\"{node}\""));
        let (class, text, tooltip) = (row.class, escaped(&row.text), escaped(&row.tooltip));
        svg += &format!(
            "<text class=\"{class}\"{node} x=\"10\" y=\"{y:.1}\">{text}<title>{tooltip}</title></text>\n"
        );
    }
    svg + "</g>\n"
}

/// Text for XML: markup escaped, blanks kept apart, characters that XML forbids replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\t' => escaped.push(' '),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}
