//! Runs plans: engine, store, tracked files, machine backends, guest agent. Never sees Layerfile text.

pub mod abilities;
pub mod agent;
mod archive;
mod asking;
pub mod backend;
pub mod cache;
pub mod caches;
mod call_rules;
pub mod clones;
pub mod doctor;
pub mod doors;
mod durable;
pub mod engine;
pub mod event;
pub mod images;
pub mod kvm;
pub mod overlay;
mod randomness;
pub mod read_set;
pub mod reference;
pub mod repository_view;
pub mod run;
pub mod sealing;
pub mod secrets;
pub mod store;
mod sys;
pub mod tracked;
pub mod variables;

#[cfg(test)]
mod model;
