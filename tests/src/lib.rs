//! Shared harness of the integration tests, the repository rules and the bench.
//!
//! Knows how to make repositories, how to run the built command and how to read source text; knows nothing of
//! what any test expects.

pub mod cases;
pub mod editor_clients;
pub mod editor_files;
pub mod examples;
pub mod forecast;
pub mod images;
pub mod kvm_lab;
pub mod language_server;
pub mod layerc;
pub mod ordinary_user;
pub mod project_files;
pub mod reference;
pub mod repository;
pub mod rust_text;
pub mod skip;
pub mod small_disk;
pub mod terminal;
pub mod workflow;
