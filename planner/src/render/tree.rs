//! A plan as a tree for people: base images, below them what starts from them, below that what starts from those.

use super::{
    StepAnnotation, StepAnnotations, annotation_text, facts, node_text, shortened, summary,
};
use crate::plan::{LayerfileId, Node, Plan, PlannedLayerfile};
use std::collections::BTreeMap;

/// Characters of one step that are shown.
const STEP_CHARACTERS: usize = 100;

/// Where lines stop moving to the right. Nobody reads a chain of that many Layerfiles as a tree, and without an end
/// the text would grow with the square of its length.
const MAX_INDENT_CHARACTERS: usize = 120;

/// What a piece of the tree is, so that the caller can style it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A base image.
    Image,
    /// A runner's name.
    Runner,
    /// A path, a fact, a number: less important.
    Detail,
    /// A step.
    Step,
    /// SPLIT, WAIT, BUTTON: what shapes the plan.
    Structure,
    /// A step whose result is stored.
    Cached,
    /// Why a step would run.
    Reason,
    /// The lines of the tree.
    Branch,
}

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Layerfiles and what shapes the plan.
    Outline,
    /// Every step too.
    Steps,
}

/// The tree, one line after another; `paint` styles each piece and must not change its visible text.
pub fn render(
    plan: &Plan,
    detail: Detail,
    annotations: &StepAnnotations,
    paint: &dyn Fn(Role, &str) -> String,
) -> String {
    let mut tree =
        Tree { plan, detail, annotations, paint, children: children(plan), text: String::new() };
    for (base, node) in plan.graph.node_indices().zip(plan.graph.node_weights()) {
        if let Node::Base { image } = node {
            tree.line("", &paint(Role::Image, image));
            let started = tree.started_from(base.index());
            tree.siblings(&started);
        }
    }
    tree.line("", &paint(Role::Detail, &summary(plan)));
    tree.text
}

/// The Layerfiles that start from each Layerfile.
fn children(plan: &Plan) -> BTreeMap<LayerfileId, Vec<LayerfileId>> {
    let mut children: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (layerfile, id) in plan.layerfiles.iter().zip((0..).map(LayerfileId)) {
        if let Some(parent) = layerfile.parent {
            children.entry(parent).or_default().push(id);
        }
    }
    children
}

/// A tree being written.
struct Tree<'plan> {
    plan: &'plan Plan,
    detail: Detail,
    annotations: &'plan StepAnnotations,
    paint: &'plan dyn Fn(Role, &str) -> String,
    children: BTreeMap<LayerfileId, Vec<LayerfileId>>,
    text: String,
}

/// A Layerfile still to be written, and what stands before its lines.
struct Pending {
    id: LayerfileId,
    indent: String,
    place: Place,
}

/// Whether more siblings follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    Last,
}

impl Tree<'_> {
    fn line(&mut self, indent: &str, text: &str) {
        if !indent.is_empty() {
            self.text += &(self.paint)(Role::Branch, indent);
        }
        self.text += text;
        self.text.push('\n');
    }

    fn started_from(&self, base: usize) -> Vec<LayerfileId> {
        let starts_here = |file: &PlannedLayerfile| {
            file.parent.is_none()
                && file.path_nodes.first().is_some_and(|first| *first as usize == base)
        };
        let files = self.plan.layerfiles.iter().zip((0..).map(LayerfileId));
        files.filter(|(file, _)| starts_here(file)).map(|(_, id)| id).collect()
    }

    /// Writes Layerfiles and everything below them. A loop, because chains of FROM may be long.
    fn siblings(&mut self, roots: &[LayerfileId]) {
        let mut pending = in_reverse(roots, "");
        while let Some(Pending { id, indent, place }) = pending.pop() {
            let Some(layerfile) = self.plan.layerfile(id) else { continue };
            let children = self.children.get(&id).cloned().unwrap_or_default();
            let (branch, below) = match place {
                Place::Between => ("├─ ", "│  "),
                Place::Last => ("└─ ", "   "),
            };
            self.heading(&format!("{indent}{branch}"), layerfile);
            let deepest = indent.chars().count() >= MAX_INDENT_CHARACTERS;
            let inner = if deepest { indent } else { format!("{indent}{below}") };
            let step_indent = format!("{inner}{}", if children.is_empty() { "   " } else { "│  " });
            self.steps(id, &step_indent);
            pending.extend(in_reverse(&children, &inner));
        }
    }

    fn heading(&mut self, indent: &str, layerfile: &PlannedLayerfile) {
        let mut details = vec![layerfile.path.to_string()];
        details.extend(facts(layerfile));
        let runner = (self.paint)(Role::Runner, &layerfile.runner_name);
        let details = (self.paint)(Role::Detail, &format!("  {}", details.join(" · ")));
        self.line(indent, &(runner + &details));
    }

    fn steps(&mut self, id: LayerfileId, indent: &str) {
        for (index, node) in self.plan.path(id) {
            let role = match node {
                Node::Base { .. } | Node::End { .. } => continue,
                Node::Step(_) if self.detail == Detail::Outline => continue,
                Node::Step(_) => Role::Step,
                Node::Fork { .. } | Node::Join { .. } | Node::Gate { .. } => Role::Structure,
            };
            let text = shortened(&node_text(self.plan, node), STEP_CHARACTERS);
            let annotation =
                u32::try_from(index.index()).ok().and_then(|index| self.annotations.get(&index));
            let line = self.step(role, &text, annotation);
            self.line(indent, &line);
        }
    }

    fn step(&self, role: Role, text: &str, annotation: Option<&StepAnnotation>) -> String {
        let Some(annotation) = annotation else { return (self.paint)(role, text) };
        let role = match annotation {
            StepAnnotation::Cached => Role::Cached,
            StepAnnotation::WillRun { .. } | StepAnnotation::Unknown { .. } => Role::Reason,
            StepAnnotation::LeftOut => Role::Detail,
        };
        (self.paint)(Role::Step, text)
            + &(self.paint)(role, &format!("  ({})", annotation_text(annotation)))
    }
}

/// The siblings, the first on top of the stack.
fn in_reverse(siblings: &[LayerfileId], indent: &str) -> Vec<Pending> {
    let last = siblings.last().copied();
    let pending = |id: &LayerfileId| Pending {
        id: *id,
        indent: indent.to_owned(),
        place: if Some(*id) == last { Place::Last } else { Place::Between },
    };
    siblings.iter().rev().map(pending).collect()
}
