//! The plan in the editor: what a machine is at a line, where that comes from, what a run would do with it.
//!
//! Functions of a snapshot, like `features`, for what needs more than one file or more than its text. Nothing that is
//! unknown (secrets, other branches, a store that isn't there) is ever made up: then there is simply no answer.

pub mod chain;
pub mod conditions;
pub mod cycles;
pub mod files;
pub mod flattened;
pub mod graph;
pub mod hints;
pub mod lenses;
pub mod machine;
pub mod outlook;
pub mod words;

#[cfg(test)]
mod tests;
