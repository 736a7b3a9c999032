//! The overlay backend: machines made of namespaces, and of OverlayFS directories instead of disks.
//!
//! Works as root and, where the host allows user namespaces, as an ordinary user. Processes can't be kept over a
//! freeze; what lives on is told. Knows nothing of plans and cache records.
//!
//! | file | what it holds |
//! |---|---|
//! | [`host`] | the base that is this machine itself, personal things left out |
//! | [`skeleton`] | the directory that `host` stands on |
//! | [`mirror`] | its directories, for ordinary users |
//! | [`accounts`] | its users and groups |
//! | [`identities`] | which user numbers a machine has |
//! | [`machine`] | a running machine |
//! | [`copy`] | what a COPY shows where |
//! | [`removal`] | removing what machines wrote |
//! | [`start`] | from a directory of the store to an agent that is ready |
//! | [`store_layout`] | the directories of the store that belong to this backend |

mod accounts;
mod backend;
mod copy;
mod failure;
mod host;
mod identities;
mod machine;
mod mirror;
mod removal;
mod skeleton;
mod start;
mod store_layout;

pub use backend::{OverlayBackend, OverlayOptions};
