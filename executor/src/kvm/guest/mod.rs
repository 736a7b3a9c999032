//! The guest's side as the host prepares it and speaks with it: what it boots from, and its agent.
//!
//! | file | what it holds |
//! |---|---|
//! | `initramfs/` | the archive that a kernel starts from |
//! | `program` | which program is the agent, with the libraries it needs |
//! | `root_disk` | an ext4 disk made of the layers of an image |
//! | `agent` | speaking with the agent of a guest |
//! | `ports` | connecting to ports of a guest |
//! | `terminal` | a terminal of this host joined to one of a guest |
//! | `caches` | directories that outlive runs |
//! | `steps` | commands, COPY and reads of a guest |

mod agent;
mod caches;
pub mod initramfs;
mod ports;
mod program;
mod root_disk;
mod steps;
mod terminal;

pub use agent::GuestAgent;
pub use ports::GuestPorts;
pub use program::{AgentProgram, description};
pub use root_disk::{DiskOrder, RootDiskError, make_disk_of_layers, make_root_disk};
pub use steps::{Beginning, GuestParts, GuestSteps};

/// What a guest's kernel should be told besides where its root is: not to stay behind after a panic, and to report free
/// memory down to 64 KiB instead of 2 MiB, so that it takes no room in snapshots. It needn't test its own ciphers at each boot,
/// which its makers did.
///
/// The rest is for systemd, where an image has it: the disk of an image is not the one that its `/etc/fstab` tells of, nobody
/// sits at the console, and a network that is not there is not waited for.
pub const KERNEL_PARAMETERS: &str = "panic=-1 page_reporting.page_reporting_order=4 cryptomgr.notests net.ifnames=0 fstab=no \
    systemd.firstboot=no systemd.getty_auto=no systemd.gpt_auto=no systemd.mask=getty@tty1.service \
    systemd.mask=systemd-networkd-wait-online.service systemd.mask=NetworkManager-wait-online.service";
