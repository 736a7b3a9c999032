//! Virtual machines by KVM: whether KVM is worth using ([`probe()`]), and machines that boot stock Linux kernels.
//!
//! | part | is |
//! |---|---|
//! | `memory`, `layout` | a guest's address space |
//! | `boot`, `acpi` | what is in it at the first instruction |
//! | `vcpu` | processors and their threads |
//! | `console`, `devices`, `bus` | what they reach besides memory |
//! | `generation` | the number that tells copies apart |
//! | `jail` | what a machine's threads may ask of the host |
//! | `machine` | all of it together |
//! | `hypervisor` | what it needs of the host besides its files |
//! | `snapshot` | machines on disk, and machines made of those |
//! | `kept_kernels` | the kernels of a store |
//! | `secrecy` | what of a machine is encrypted, and with which key |
//! | `process` | a machine in a process of its own, with walls around it |
//! | `descriptors` | packets with open files, to and from such processes |
//! | `guest` | what guests boot, and their agent |
//! | `backend` | machines for runs of plans |
//! | `hostile` | kept machines, kernels and words of machines' processes as any bytes, for fuzzing |

#[cfg(target_arch = "x86_64")]
mod acpi;
#[cfg(target_arch = "x86_64")]
pub mod backend;
#[cfg(target_arch = "x86_64")]
mod boot;
#[cfg(target_arch = "x86_64")]
mod bus;
#[cfg(target_arch = "x86_64")]
mod console;
mod descriptors;
pub mod devices;
mod error;
#[cfg(target_arch = "x86_64")]
mod generation;
pub mod guest;
#[cfg(all(target_arch = "x86_64", any(test, fuzzing)))]
pub mod hostile;
#[cfg(target_arch = "x86_64")]
mod hypervisor;
mod jail;
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "nobody boots them"))]
mod kept_kernels;
mod layout;
#[cfg(target_arch = "x86_64")]
mod machine;
mod memory;
mod probe;
#[cfg(target_arch = "x86_64")]
pub mod process;
mod secrecy;
#[cfg(target_arch = "x86_64")]
mod snapshot;
#[cfg(target_arch = "x86_64")]
mod vcpu;

#[cfg(target_arch = "x86_64")]
pub use self::{
    boot::BootFiles,
    console::Output,
    machine::{Shape, VirtualMachine},
    snapshot::{Snapshot, Taken, Unfinished},
    vcpu::End,
};
pub use error::MachineError;
pub use kept_kernels::{KeptKernel, KeptKernels};

/// How long a machine's threads have to stop when they are told to; they take milliseconds where nothing is wrong and
/// the host is not overwhelmed.
const LONGEST_STOP: std::time::Duration = std::time::Duration::from_secs(30);

pub use layout::MAX_PROCESSORS;
pub(crate) use layout::PAGE_BYTES;
pub use memory::{GuestMemory, MemorySize};
pub use probe::{Probe, probe};
pub use secrecy::Secrecy;
