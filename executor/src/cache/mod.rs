//! The cache rule: a step is skipped when its chain of instructions matches a record and the repository still gives
//! every answer that the record's step got.
//!
//! Looked up in two phases. The *weak key* (strong key of the step before, this instruction, keyed values) finds the
//! records of earlier runs; each holds a *delta* read set: what its step asked that no earlier step of its chain had
//! asked. The first record whose answers today's tree repeats is a hit, and its *strong key* carries on. So one walk
//! over the chain asks every question once. Nothing here starts machines.

pub mod advance;
pub mod chain;
pub mod forecast;
pub mod key;
pub mod lookup;
pub(crate) mod memory;

pub use chain::{Chain, Link};
pub use lookup::{Answers, Lookup, look_up};
