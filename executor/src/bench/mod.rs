//! The test bench: plans in a few words, and a small model of machines and a repository, all in memory.

pub(crate) mod machine;
pub(crate) mod plans;
pub(crate) mod repository;
