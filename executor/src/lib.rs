//! Runs plans: engine, store, tracked files, machine backends, guest agent. Never sees Layerfile text.

pub mod agent;
pub mod backend;
pub mod engine;
pub mod overlay;
pub mod read_set;
pub mod secrets;
pub mod store;
mod sys;
pub mod tracked;

#[cfg(test)]
mod bench;
