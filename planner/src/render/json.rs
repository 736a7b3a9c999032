//! A plan as JSON, for programs. The shape is described in `spec/plan-format.md` and only grows.

use super::{StepAnnotation, StepAnnotations, node_text};
use crate::codec::FORMAT_VERSION;
use crate::plan::{CheckStatus, Edge, Node, Plan, PlannedLayerfile};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonPlan<'plan> {
    format_version: u32,
    layerfiles: Vec<JsonLayerfile<'plan>>,
    nodes: Vec<JsonNode<'plan>>,
    edges: Vec<JsonEdge>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLayerfile<'plan> {
    path: &'plan str,
    digest: String,
    runner_name: &'plan str,
    status: CheckStatus,
    parent: Option<&'plan str>,
    copies: u32,
    memory_bytes: Option<u64>,
    static_environment: &'plan BTreeMap<String, String>,
    nodes: &'plan [u32],
}

#[derive(Serialize)]
struct JsonNode<'plan> {
    index: u32,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotation: Option<JsonAnnotation<'plan>>,
    #[serde(flatten)]
    node: &'plan Node,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum JsonAnnotation<'plan> {
    Cached,
    WillRun { reason: &'plan str },
    Unknown { cause: &'plan str },
    LeftOut,
}

#[derive(Serialize)]
struct JsonEdge {
    from: usize,
    to: usize,
    kind: Edge,
}

/// The plan, indented, with a line end behind it.
///
/// # Errors
/// Never for a valid plan: all keys are texts and all numbers finite.
pub fn render(plan: &Plan, annotations: &StepAnnotations) -> Result<String, serde_json::Error> {
    let nodes = plan.graph.node_weights().zip(0..).map(|(node, index)| JsonNode {
        index,
        text: node_text(plan, node),
        annotation: annotations.get(&index).map(annotation),
        node,
    });
    let edges = plan.graph.raw_edges().iter().map(|edge| JsonEdge {
        from: edge.source().index(),
        to: edge.target().index(),
        kind: edge.weight,
    });
    let json = JsonPlan {
        format_version: FORMAT_VERSION,
        layerfiles: plan.layerfiles.iter().map(|file| layerfile(plan, file)).collect(),
        nodes: nodes.collect(),
        edges: edges.collect(),
    };
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

fn layerfile<'plan>(plan: &'plan Plan, file: &'plan PlannedLayerfile) -> JsonLayerfile<'plan> {
    JsonLayerfile {
        path: file.path.as_str(),
        digest: blake3::Hash::from_bytes(file.digest).to_hex().to_string(),
        runner_name: &file.runner_name,
        status: file.status,
        parent: file
            .parent
            .and_then(|parent| plan.layerfile(parent))
            .map(|parent| parent.path.as_str()),
        copies: file.copies,
        memory_bytes: file.memory_bytes,
        static_environment: &file.static_environment,
        nodes: &file.path_nodes,
    }
}

fn annotation(annotation: &StepAnnotation) -> JsonAnnotation<'_> {
    match annotation {
        StepAnnotation::Cached => JsonAnnotation::Cached,
        StepAnnotation::WillRun { reason } => JsonAnnotation::WillRun { reason },
        StepAnnotation::Unknown { cause } => JsonAnnotation::Unknown { cause },
        StepAnnotation::LeftOut => JsonAnnotation::LeftOut,
    }
}
