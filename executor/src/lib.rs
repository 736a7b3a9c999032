//! Runs plans: engine, store, tracked files, machine backends, guest agent. Never sees Layerfile text.

pub mod backend;
pub mod read_set;
pub mod tracked;
