//! The system calls that no library offers without `unsafe`, wrapped so that misuse does not compile.
//!
//! The only place of this crate with `unsafe`. Knows nothing of machines, layers or protocols.

#![expect(
    unsafe_code,
    reason = "the fenced home of raw system calls; every block carries its proof"
)]

mod descriptors;
mod filter;
mod free_pages;
#[cfg(target_arch = "x86_64")]
pub(crate) mod guest_memory;
#[cfg(target_arch = "x86_64")]
pub(crate) mod large_pages;
pub(crate) mod lmdb;
mod network;
mod process;
mod randomness;
#[cfg(target_arch = "x86_64")]
mod resident;
#[cfg(target_arch = "x86_64")]
pub(crate) mod virtual_machine;
mod vsock;

pub(crate) use descriptors::{event_descriptor, place_descriptor};
pub(crate) use filter::{FilterInstruction, install_filter};
pub(crate) use free_pages::give_back;
pub(crate) use network::{Interface, add_default_route, bring_loopback_up, set_interface_address};
pub(crate) use process::{
    ChildSignals, Fork, SingleThreaded, close_descriptors_from, close_inherited_descriptors_from,
    fork, keep_descriptors, keep_one_descriptor, leave, unshare,
};
pub(crate) use randomness::add_randomness;
#[cfg(target_arch = "x86_64")]
pub(crate) use resident::{let_go, share_one_heap};
pub(crate) use vsock::listen_at_vsock;
