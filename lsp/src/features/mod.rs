//! What editors can ask: one file for each feature, a pure function of a snapshot, a document and a place.
//!
//! Everything here returns protocol types and knows neither messages nor threads. A place in a half-typed file has an
//! answer too, if only an empty one; nothing here fails.

pub mod code_actions;
pub mod code_lens;
pub mod commands;
pub mod completion;
pub mod diagnostics;
pub mod edit;
pub mod folding;
pub mod formatting;
pub mod hierarchy;
pub mod hover;
pub mod inlay_hints;
pub mod line;
pub mod links;
pub mod locate;
pub mod moves;
pub mod navigation;
pub mod pull;
pub mod refactorings;
pub mod references;
pub mod rename;
pub mod selection;
pub mod semantic_tokens;
mod set_aside;
pub mod shell_findings;
pub mod signature;
pub mod symbols;
pub mod variables;

#[cfg(test)]
mod tests;
