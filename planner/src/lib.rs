//! Linked project to plan graph to plan bytes. Pure: no files, clock, environment or network.

pub mod plan;
