//! The processors of a guest: what they can do, what state they have, the thread that runs each.
//!
//! Knows ports and devices only as [`Bus`].

mod control;
mod features;
mod registers;
mod run;
mod state;
mod thread;

pub(crate) use control::Control;
pub use control::End;
pub(crate) use features::{features_for, missing_features};
pub(crate) use registers::prepare_first;
pub(crate) use state::{ProcessorState, restore, save};
pub(crate) use thread::Processor;

/// What a processor reaches by ports and by memory that is none. Called from the processors' threads.
pub(crate) trait Bus: Send + Sync {
    /// `in`: fills `data`.
    fn read_port(&self, port: u16, data: &mut [u8]);
    /// `out`.
    fn write_port(&self, port: u16, data: &[u8]);
    /// A load from an address without memory.
    fn read_memory(&self, address: u64, data: &mut [u8]);
    /// A store to an address without memory.
    fn write_memory(&self, address: u64, data: &[u8]);
}
