//! Refactorings: a project and a place in it become changes of texts and files that keep the plan.
//!
//! Pure functions over texts. They know nothing of the protocol: `features` turns a [`Change`] into what an editor
//! wants. [`proof`] compiles before and after a change and says whether the machines are still the same; nothing is
//! offered that doesn't pass.

pub mod change;
pub mod commands;
#[cfg(test)]
mod conversions;
pub mod extract;
pub mod hoist;
pub mod inline;
pub mod moving;
pub mod paste;
pub mod proof;
mod references;
pub mod repository;
pub(crate) mod spelling;
mod steps;
#[cfg(test)]
mod tests;

pub(crate) use change::in_order;
pub use change::{Change, Edit, Operation, Promise, Refusal};
pub use repository::Repository;
