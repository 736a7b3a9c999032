//! The devices of a virtual machine: virtio over memory-mapped registers.
//!
//! The guest is hostile. Every number it gives is checked against a named limit before it is used, every address
//! against its own memory; a driver that breaks a rule finds its device asking for a reset, and nothing else happens.
//! Knows no plans, steps or snapshots' files; the core of the machine sees only [`DeviceBus`].
//!
//! | file | what it holds |
//! |---|---|
//! | `bus` | all devices of a machine, as its core sees them |
//! | `parts` | what each kind is made with on the host |
//! | `slot` | registers, interrupt and calls around one device |
//! | `worker` | the thread of a device |
//! | `registers` | names of registers |
//! | `transport` | what a driver does with them until the device works |
//! | `phase` | how far it has come |
//! | `queues` | requests out, answers in |
//! | `chain` | one request, checked |
//! | `interrupt` | calling the driver |
//! | `device` | what makes a device one of its kind |
//! | `state` | what is kept in a snapshot |
//! | `rng/` | randomness |
//! | `disk/` | a disk over a chain of files |
//! | `files/` | the repository's files |
//! | `network/` | a network card |
//! | `sockets/` | streams between host and guest |
//! | `balloon/` | memory that the guest has freed |
//!
//! Each kind's folder has the same files: `device` (its work), `state` (what is kept of it), `tests`.

mod balloon;
mod bus;
mod chain;
mod device;
pub mod disk;
#[cfg(test)]
mod driver_for_tests;
pub mod files;
#[cfg(any(test, fuzzing))]
pub mod hostile;
mod interrupt;
pub mod network;
mod parts;
mod phase;
mod queues;
mod registers;
mod rng;
mod slot;
pub mod sockets;
mod state;
#[cfg(test)]
mod tests;
mod transport;
mod worker;

pub use bus::{
    BusError, CALL_REGISTER_OFFSET, DEVICES_BASE, DeviceBus, DeviceSlot, FIRST_INTERRUPT,
    MOST_DEVICES,
};
pub use device::Kind;
pub use parts::DevicePart;
pub use registers::REGION_BYTES;
pub use state::{DeviceState, StateError};
