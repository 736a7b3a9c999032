//! Plans as text and pictures. Each format is one file; what they share is what a node says and which facts a
//! Layerfile has.
//!
//! Renders what is in the plan and what the caller knows about its steps; knows nothing of colours or terminals.

pub mod dot;
pub mod json;
pub mod mermaid;
pub mod svg;
pub mod tree;

use crate::plan::{CheckStatus, LayerfileId, Node, Plan, PlannedLayerfile};
use std::collections::BTreeMap;

/// What somebody who has seen a store knows about a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepAnnotation {
    /// Its result is stored and would be taken.
    Cached,
    /// It would run.
    WillRun {
        /// Why, as a short phrase: `src/a.js changed`.
        reason: String,
    },
    /// Only a run can tell.
    Unknown {
        /// Why, as a short phrase.
        cause: String,
    },
    /// It would not be come to: SKIP REMAINING IF holds.
    LeftOut,
}

/// Annotations by node index of the plan. A node without one is shown as it is.
pub type StepAnnotations = BTreeMap<u32, StepAnnotation>;

/// The text of a node, one line.
pub(crate) fn node_text(plan: &Plan, node: &Node) -> String {
    match node {
        Node::Base { image } => format!("FROM {image}"),
        Node::Step(step) => step.text.clone(),
        Node::Fork { copies, ordered: true, .. } => format!("SPLIT {copies}"),
        Node::Fork { copies, ordered: false, .. } => format!("SPLIT UNORDERED {copies}"),
        Node::Join { targets, .. } => format!("WAIT {}", runner_names(plan, targets)),
        Node::Gate { message, .. } => format!("BUTTON {message}").trim_end().to_owned(),
        Node::End { .. } => "end".to_owned(),
    }
}

/// What a [`StepAnnotation`] adds to a node's text.
pub(crate) fn annotation_text(annotation: &StepAnnotation) -> String {
    match annotation {
        StepAnnotation::Cached => "cached".to_owned(),
        StepAnnotation::WillRun { reason } => format!("runs: {reason}"),
        StepAnnotation::Unknown { cause } => format!("unknown: {cause}"),
        StepAnnotation::LeftOut => "left out".to_owned(),
    }
}

fn runner_names(plan: &Plan, ids: &[LayerfileId]) -> String {
    let names: Vec<&str> = ids
        .iter()
        .filter_map(|id| plan.layerfile(*id))
        .map(|file| file.runner_name.as_str())
        .collect();
    names.join(", ")
}

/// What is particular about a Layerfile, for its heading; empty for most.
pub(crate) fn facts(layerfile: &PlannedLayerfile) -> Vec<String> {
    let copies = (layerfile.copies > 1).then(|| format!("{} copies", layerfile.copies));
    let memory = layerfile.memory_bytes.map(|bytes| format!("{} memory", size(bytes)));
    let status = match layerfile.status {
        CheckStatus::Shown => None,
        CheckStatus::Merge => Some("one check".to_owned()),
        CheckStatus::Hidden => Some("no check".to_owned()),
    };
    copies.into_iter().chain(memory).chain(status).collect()
}

/// Bytes in the largest unit that divides them.
fn size(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes} bytes"), |(unit, name)| format!("{} {name}", bytes / unit))
}

/// `text` with at most `characters`; what is cut off leaves a `…`.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some(_) => text.chars().take(characters.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// How much there is, in one line.
pub fn summary(plan: &Plan) -> String {
    let count =
        |wanted: fn(&Node) -> bool| plan.graph.node_weights().filter(|node| wanted(node)).count();
    let runners: u64 = plan.layerfiles.iter().map(|file| u64::from(file.copies)).sum();
    let numbers = [
        numbered(plan.layerfiles.len() as u64, "Layerfile"),
        numbered(runners, "runner"),
        numbered(count(|node| matches!(node, Node::Step(_))) as u64, "step"),
        numbered(count(|node| matches!(node, Node::Base { .. })) as u64, "base image"),
    ];
    numbers.join(", ")
}

/// `1 step`, `2 steps`.
fn numbered(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
