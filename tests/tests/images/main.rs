//! Images through the built command: from layouts, archives and a real registry on loopback to steps that run on them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: a panic is a failed case"
)]

mod building;
mod files;
mod hostile;
mod lab;
mod pulling;
