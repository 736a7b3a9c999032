//! Linked project to plan graph to plan bytes. Pure: no files, clock, environment or network.
//!
//! ```text
//! linked project ─► build ─► plan graph ─► codec ─► plan bytes ─► codec ─► plan graph ─► executor
//!                                 └─► render ─► tree, json, dot, mermaid, svg
//! ```
//!
//! Same project, same plan, same bytes: nothing here depends on the machine, the time or the order of a hash table.

mod action;
pub mod build;
pub mod codec;
mod environment;
mod graph;
pub mod limits;
mod order;
pub mod plan;
pub mod render;
mod runner_name;
pub mod selection;
mod validity;
mod wording;

/// What patterns in [`plan::Action::Copy`] match: the language's rule, which the executor follows too.
pub use layerc_compiler::pattern;

pub use build::{PlanError, build, runner_names};
pub use selection::Selection;
pub use validity::InvalidPlan;

#[cfg(test)]
mod samples;
