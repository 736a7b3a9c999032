//! The guest agent: the executor's hands inside a machine.
//!
//! The same program as the executor, started again under a hidden name, with one thread. It makes the machine's
//! namespaces and mounts, is its process 1, runs commands in it and sends back what they write. It never runs a
//! program of the machine to set something up, and it knows nothing of plans, caches or the repository's content.
//!
//! | file | what it holds |
//! |---|---|
//! | [`protocol`] | the messages; all that a transport must carry |
//! | [`frames`] | messages as bytes |
//! | [`entry`] | from `exec` to process 1 |
//! | [`stage`] | `/proc`, `/dev` and `/sys` of the machine, before it has a root |
//! | [`inner`] | the namespaces that steps live in |
//! | [`layers`] | which directories make up each overlay |
//! | [`overlay_mount`] | one OverlayFS mount, new and old kernel interface |
//! | [`overlays`] | the overlays of a root, mounted and frozen |
//! | [`epoch`] | the root put together from them |
//! | [`launch`] | from a forked child to bash |
//! | [`commands`] | commands while they run, and what they left |
//! | [`login`] | what bash reads before the script |
//! | [`accounts`] | users and groups of the machine |
//! | [`destination`] | where a COPY goes |
//! | [`live_copy`] | a COPY while processes live |
//! | [`caches`] | directories that outlive runs |
//! | [`mod@merge`] | several directories of an overlay made one |
//! | [`doorman`] | connecting to the machine's ports while commands run |
//! | [`inside`] | doing something in the machine |
//! | [`outbound`] | the machine's way to other machines |
//! | [`output`] | pipes of commands that run and of daemons they left |
//! | [`open_files`] | what processes have open |
//! | [`removal`] | removing trees of any modes |
//! | [`serve`] | the loop of process 1 |
//! | [`terminal`] | what is said about terminals of virtual machines |
//! | [`guest`] | the same in a virtual machine |

mod accounts;
mod caches;
mod commands;
mod destination;
mod disk;
mod doorman;
mod entry;
mod epoch;
mod failure;
mod filter;
pub mod frames;
pub mod guest;
mod inner;
mod inside;
mod launch;
mod layers;
mod live_copy;
mod login;
mod merge;
mod open_files;
mod outbound;
mod output;
mod overlay_mount;
mod overlays;
pub mod protocol;
mod removal;
mod serve;
mod stage;
pub(crate) mod terminal;
mod transfer;

pub use entry::{AGENT_ARGUMENT, run_if_agent};
pub(crate) use live_copy::is_opaque;
pub(crate) use merge::{Below, disk_bytes, disk_bytes_of, is_whiteout, merge};
pub(crate) use removal::remove_own_tree;
pub(crate) use transfer::{receive_descriptor, send_descriptor};
