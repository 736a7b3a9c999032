//! The tracked files: the repository as steps see it, and a record of everything they asked of it.
//!
//! A COPY copies nothing. It puts a layer served from here under the machine's root; whatever a step then
//! opens, lists, looks up or misses becomes part of its read set. This module knows paths, answers and the FUSE
//! protocol (through `fuser`). It knows nothing of steps, plans, cache records, overlays or machines.
//!
//! | file | what it holds |
//! |---|---|
//! | [`repository`] | the directory tree that is served, never left through a link |
//! | [`nearby`] | the same, for requests that come one after the other |
//! | [`stamp`] | what of a `stat` says "unchanged", and when that can be believed |
//! | [`kind`] | the kinds of things that are served |
//! | [`answers`] | the digests of answers |
//! | [`fingerprints`] | today's answers, singly and in bulk |
//! | [`changes`] | what has changed since a moment |
//! | [`shape`] | where COPY's entries appear in a layer |
//! | [`nodes`] | what the kernel has been told about, and its first answer |
//! | [`served`] | what the next three work on |
//! | [`lookup`] | how a name in a layer becomes a node |
//! | [`reading`] | how the inside of a node is given out |
//! | [`large`] | which files the kernel may read itself |
//! | [`open_files`] | files that are read in pieces |
//! | [`recorder`] | the questions asked so far |
//! | [`readers`] | which command asked |
//! | [`filesystem`] | the FUSE requests |
//! | [`large_filesystem`] | those of the mount for large files |
//! | [`replies`] | what both tell the kernel of a node |
//! | [`mount`] | the mount that a server needs |
//! | [`read_ahead`] | how much the kernel asks for at once |
//! | [`wakefulness`] | processors that don't sleep between questions |
//! | [`server`] | the life of one mount |
//! | [`saved`] | what a guest was told, for a snapshot |
//! | [`view`] | what the run driver asks |
//!
//! What counts as read, and why, is told in `spec/tracked-files.md`.

mod answers;
mod changes;
mod filesystem;
mod fingerprints;
mod kind;
mod large;
mod large_filesystem;
mod listing;
mod lookup;
mod mount;
mod nearby;
mod nodes;
mod open_files;
mod read_ahead;
mod readers;
mod reading;
mod recorder;
mod replies;
mod repository;
mod saved;
mod served;
mod server;
mod shape;
mod stamp;
mod view;
mod wakefulness;

pub use changes::Standing;
pub use mount::{FUSE_DEVICE, mount_fuse};
pub use repository::{GitDirectories, Repository, RepositoryOptions};
pub use saved::SavedFiles;
pub use server::TrackedServer;
pub use stamp::{MemoryStatCache, Stamp, StatCache};
