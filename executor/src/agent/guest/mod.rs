//! The agent of a virtual machine: the first program that its kernel starts, from an archive in memory.
//!
//! Loads what the kernel needs, mounts the machine's root, and becomes its process 1 or lets the image's systemd be it. Then it answers the executor over vsock, with the same commands, output and destinations as in a machine of
//! namespaces. It outlives whoever speaks with it: snapshots end connections, not machines.
//!
//! | file | what it holds |
//! |---|---|
//! | [`init`] | who is process 1, and waiting for systemd where that is it |
//! | [`start`] | from the kernel's first program to a machine that listens |
//! | [`modules`] | the kernel's modules |
//! | [`later`] | those that are not needed for listening |
//! | [`root`] | the machine's root, and what every root has |
//! | [`serve`] | requests |
//! | [`copy`] | COPY in a machine that runs |
//! | [`caches`] | CACHE: directories that outlive runs |
//! | [`network`] | addresses of the network card |
//! | [`ports`] | connecting to ports of the machine |
//! | [`terminals`] | terminals of commands |

mod caches;
mod copy;
mod init;
mod later;
mod modules;
mod network;
mod ports;
mod renewal;
mod root;
mod serve;
mod start;
mod terminals;

pub(crate) use caches::PIECE_BYTES;
pub use init::Init;
pub use later::Later;
pub(crate) use start::{is_first_program, run_first};
#[cfg(test)]
pub(crate) use terminals::serve as serve_terminal;

/// Port of vsock at which the agent listens.
pub const AGENT_PORT: u32 = 1024;

/// Port of vsock that leads to the TCP ports of the machine.
pub const PORTS_PORT: u32 = 1025;

/// Port of vsock at which terminals are made.
pub const TERMINALS_PORT: u32 = 1026;

/// Name under which the repository's files are mounted.
pub const REPOSITORY_TAG: &str = "layerc";

/// In the archive in memory: files of modules in the order in which they are loaded, one absolute path a line.
pub const MODULE_LIST: &str = "/modules.list";

/// In the archive in memory: modules that are loaded once the disk is the root, and a list for each [`Later`], their paths in
/// order.
pub const LATER_MODULES: &str = "/later-modules";

/// Word of the kernel's command line that leaves out the disk: the root is the archive in memory.
pub const NO_DISK_WORD: &str = "layerc.root=memory";
