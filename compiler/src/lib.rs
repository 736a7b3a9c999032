//! Layerfile text to a linked project. Pure: no files, clock, environment or network.
//!
//! ```text
//! text ─► tokens ─► directives + diagnostics ─► linked project
//! ```
//!
//! Parsing never fails: every stage returns its value together with what it has to say about it.

pub mod catalog;
pub mod diagnostic;
pub mod directive;
pub mod line_index;
pub mod project;
pub mod repo_path;
pub mod rules;
pub mod source_map;
pub mod sources;
pub mod span;
pub mod token;
