//! Layerfile text to a linked project. Pure: no files, clock, environment or network.
//!
//! ```text
//! text ─► tokens ─► directives + diagnostics ─► linked project
//! ```
//!
//! Parsing never fails: every stage returns its value together with what it has to say about it.

pub mod analysis;
pub mod catalog;
mod checks;
pub mod convert;
pub mod diagnostic;
pub mod directive;
pub mod edits;
mod facts;
mod findings;
pub mod format;
mod lexer;
pub mod limits;
pub mod line_index;
pub mod link;
pub mod lint_configuration;
pub mod nearest;
pub mod parser;
pub mod pattern;
pub mod project;
#[cfg(test)]
mod random_text;
pub mod repo_path;
pub mod rules;
pub mod shell;
pub mod source_map;
pub mod sources;
pub mod span;
pub mod suppression;
pub mod token;
