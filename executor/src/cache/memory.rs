//! How much memory a machine has, and whether that is part of what its states are.
//!
//! A machine that is kept as a whole has the memory that it booted with, and so has everybody who starts from it. So it
//! gets what the most demanding of them asks for, from the first step on: memory that nobody writes to costs nothing.

use crate::backend::Keeps;
use layerc_planner::plan::{LayerfileId, Plan};

/// The MEMORY of a machine for a Layerfile.
pub(crate) fn machine_memory(plan: &Plan, layerfile: LayerfileId, keeps: Keeps) -> Option<u64> {
    match keeps {
        Keeps::Files => plan.layerfile(layerfile).and_then(|file| file.memory_bytes),
        Keeps::Machines => {
            let root = root_of(plan, layerfile);
            let family = (0..).zip(&plan.layerfiles);
            let family = family.filter(|(id, _)| root_of(plan, LayerfileId(*id)) == root);
            family.filter_map(|(_, file)| file.memory_bytes).max()
        }
    }
}

/// The same, where it enters the key of every state. A machine that nobody asked memory for has none in its key.
pub(crate) fn memory_key(plan: &Plan, layerfile: LayerfileId, keeps: Keeps) -> Option<u64> {
    match keeps {
        Keeps::Files => None,
        Keeps::Machines => machine_memory(plan, layerfile, keeps),
    }
}

/// The Layerfile at the beginning of a chain of FROM. A plan's chains have no circles; a damaged one ends the walk.
fn root_of(plan: &Plan, layerfile: LayerfileId) -> LayerfileId {
    let mut root = layerfile;
    for _ in &plan.layerfiles {
        match plan.layerfile(root).and_then(|file| file.parent) {
            Some(parent) => root = parent,
            None => break,
        }
    }
    root
}
