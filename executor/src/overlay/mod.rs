//! The overlay backend: machines made of namespaces, and of OverlayFS directories instead of disks.
//!
//! Works as root and, where the host allows user namespaces, as an ordinary user. Processes can't be kept over a
//! freeze; what lives on is told. Knows nothing of plans and cache records.
//!
//! | file | what it holds |
//! |---|---|
//! | [`host`] | the base that is this machine itself, personal things left out |
//! | [`host_part`] | one of its directories |
//! | [`skeleton`] | the directory that `host` stands on |
//! | [`mirror`] | its directories, for ordinary users |
//! | [`accounts`] | its users and groups |
//! | [`rootfs`] | the base that is a folder or an archive |
//! | [`archive`] | unpacking one that is not trusted |
//! | [`image_layers`] | unpacking layers of images with a machine's user numbers |
//! | [`folding`] | when many layers become one |
//! | [`kept_bases`] | the bases that were unpacked or installed, and who uses them |
//! | [`debootstrap`] | the base that Debian's bootstrap program installs |
//! | [`changes`] | which files differ between two states |
//! | [`identities`] | which user numbers a machine has |
//! | [`machine`] | a running machine |
//! | [`caches`] | its directories that outlive runs |
//! | [`copy`] | what a COPY shows where |
//! | [`network`] | what machines reach |
//! | [`removal`] | removing what machines wrote |
//! | [`resync`] | repository files that an earlier run wrote over |
//! | [`start`] | from a directory of the store to an agent that is ready |
//! | [`store_layout`] | the directories of the store that belong to this backend |

mod accounts;
mod archive;
mod backend;
mod caches;
pub mod changes;
mod control_groups;
pub(crate) mod copy;
mod debootstrap;
pub(crate) mod failure;
mod folding;
mod host;
mod host_part;
pub(crate) mod identities;
mod image_layers;
mod kept_bases;
mod machine;
mod mirror;
mod network;
mod ports;
mod removal;
pub(crate) mod resync;
mod rootfs;
mod skeleton;
mod start;
mod store_layout;

pub(crate) use archive::unpack as unpack_archive;
pub(crate) use backend::host_name;
pub use backend::{OverlayBackend, OverlayOptions};
pub use caches::caches_of;
pub use control_groups::limit_obstacle;
pub(crate) use control_groups::{ControlGroups, Limit};
pub use image_layers::open_images;
pub(crate) use kept_bases::NEW_PREFIX;
pub use kept_bases::{KeptBase, KeptBases};
pub use network::NetworkChoice;
pub(crate) use rootfs::file_digest;
pub(crate) use start::spawn_lasting;
pub(crate) use store_layout::RunDirectory;
