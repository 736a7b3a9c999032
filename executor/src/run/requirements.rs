//! What a plan needs before anything may start: instructions this executor knows, images that are mapped, secrets
//! that are there. Found out all at once, so that the user is told everything in one go.

use super::skip;
use crate::backend::{Feature, ImageSource};
use crate::secrets::Secrets;
use layerc_planner::plan::{Action, LayerfileId, Node, Plan, PlannedLayerfile, Step};
use std::collections::{BTreeMap, BTreeSet};

/// The names of all secrets that a plan's steps use, sorted.
pub fn secret_names(plan: &Plan) -> BTreeSet<String> {
    let names = plan.graph.node_weights().filter_map(|node| match node {
        Node::Step(Step { action: Action::SecretEnv { names }, .. }) => Some(names.clone()),
        _ => None,
    });
    names.flatten().collect()
}

/// The names of all base images of a plan, sorted.
pub fn image_names(plan: &Plan) -> BTreeSet<String> {
    let names = plan.graph.node_weights().filter_map(|node| match node {
        Node::Base { image } => Some(image.clone()),
        _ => None,
    });
    names.collect()
}

/// Everything that stands in the way of a run, one sentence each, in the plan's order.
pub(super) fn missing(
    plan: &Plan,
    images: &BTreeMap<String, ImageSource>,
    secrets: &Secrets,
    lacks: &[Feature],
) -> Vec<String> {
    let mut missing = beyond(plan, images, lacks);
    for image in image_names(plan).iter().filter(|image| !images.contains_key(*image)) {
        missing.push(unmapped(image));
    }
    for name in secret_names(plan).iter().filter(|name| secrets.value(name).is_none()) {
        missing.push(format!(
            "the secret `{name}` has no value: set LAYERC_SECRET_{name}, give `--secret {name}` to take it from the \
             environment, `--secret {name}=file:PATH`, `--secret {name}=cmd:COMMAND`, or name it under [secrets] in \
             layerc.toml"
        ));
    }
    for (index, file) in (0..).zip(&plan.layerfiles) {
        missing
            .extend(plan.path(LayerfileId(index)).filter_map(|(_, node)| in_the_way(node, file)));
    }
    missing
}

/// What a plan asks for that a backend is without, one sentence each, in the plan's order.
pub fn beyond(
    plan: &Plan,
    images: &BTreeMap<String, ImageSource>,
    lacks: &[Feature],
) -> Vec<String> {
    let mut beyond = Vec::new();
    for image in image_names(plan) {
        if lacks.contains(&Feature::HostBase) && images.get(&image) == Some(&ImageSource::Host) {
            beyond.push(format!(
                "the base image `{image}` is this machine's own system (`host`), which a virtual machine can't start from: \
                 map it to an image (`--image {image}=oci:…`, `rootfs:PATH`, `debootstrap:SUITE`), or run with \
                 `--executor overlay`"
            ));
        }
    }
    beyond
}

fn unmapped(image: &str) -> String {
    format!(
        "the base image `{image}` is not mapped to anything: add it under [images] in layerc.toml (`\"{image}\" = \
         \"host\"`), or give `--image {image}=host` for this machine's own system, `--image {image}=oci:ubuntu:22.04` for an \
         image of a registry, `--image {image}=rootfs:PATH` for a folder or tar archive, \
         `--image {image}=debootstrap:bookworm` for a fresh Debian"
    )
}

/// A sentence about a node that this executor can't run.
fn in_the_way(node: &Node, file: &PlannedLayerfile) -> Option<String> {
    let (line, what) = match node {
        Node::Step(step) => match &step.action {
            Action::Unsupported { keyword } => (step.line, keyword.as_str()),
            Action::SkipIf { conditions } => {
                let broken =
                    conditions.iter().find_map(|condition| skip::check(condition).err())?;
                return Some(format!("{}:{}: SKIP REMAINING IF: {broken}", file.path, step.line));
            }
            Action::Run { .. }
            | Action::Copy { .. }
            | Action::Clone { .. }
            | Action::Env { .. }
            | Action::ExposeWebsite { .. }
            | Action::ExposeTcp { .. }
            | Action::BuildEnv { .. }
            | Action::SecretEnv { .. }
            | Action::Cache { .. }
            | Action::Checkpoint { .. }
            | Action::SetupFile { .. }
            | Action::User { .. }
            | Action::Workdir { .. } => return None,
        },
        Node::Base { .. }
        | Node::Fork { .. }
        | Node::Join { .. }
        | Node::Gate { .. }
        | Node::End { .. } => return None,
    };
    Some(format!(
        "{path}:{line}: this executor can't run {what} yet: leave the Layerfile out with `--without {path}`, or name \
         the ones to run with `--target`",
        path = file.path
    ))
}
