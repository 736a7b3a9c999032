//! A machine in a process of its own, forked from this program started again, which is handed what the machine needs, open,
//! and gives up everything else before the guest runs its first instruction. A guest that takes that process over finds
//! its own machine in it and nothing of the host.
//!
//! | part | is |
//! |---|---|
//! | `entry` | the nursery: makes processes for machines |
//! | `birth` | such a process, from its start to its end |
//! | `walls` | what it gives up |
//! | `serve` | what it is told to do with its machine |
//! | `protocol` | what both say to each other |
//! | `channel` | messages with any number of open files |
//! | `devices` | a machine's devices as open files, handed over |
//! | `nursery`, `handle` | the nursery and the process as the run sees them |
//! | `orders` | the way to a process: what it is told, and its answers |
//! | `newborn` | a process that no machine is in yet |
//! | `stock` | which of those are prepared before anybody asks |
//! | `hostile` | either end as somebody who says anything, for fuzzing |
//! | `life` | how it ended, and what it last printed |
//!
//! What stays with the run: the store and its directories, the repository and what was read of it (the machine's process
//! passes requests and answers on), the agent's connections (it passes bytes on), passt. Whatever comes back from the
//! process is checked: it is said by somebody who may be the guest.

mod birth;
mod channel;
mod devices;
mod entry;
mod handle;
#[cfg(any(test, fuzzing))]
mod hostile;
mod life;
mod newborn;
mod nursery;
mod orders;
mod protocol;
mod serve;
mod stock;
mod walls;

pub use devices::HandedDevice;
pub(crate) use entry::run_if_nursery;
pub use handle::{MachineProcess, Starting};
#[cfg(any(test, fuzzing))]
pub(in crate::kvm) use hostile::hear_any;
pub use life::Life;
pub use nursery::Nursery;
