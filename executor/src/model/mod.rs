//! The model that tests run on: plans in a few words, machines and a repository in memory.

pub(crate) mod machine;
pub(crate) mod plans;
pub(crate) mod repository;
