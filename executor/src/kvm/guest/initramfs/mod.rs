//! The archive that a guest's kernel starts from: the agent, and the modules that the kernel has not built in.
//!
//! Distribution kernels find neither disk nor sockets without modules. Which those are is known here; in what order
//! they are loaded follows from what each says it depends on.
//!
//! | file | what it holds |
//! |---|---|
//! | `modules` | the modules of a kernel, and their order |
//! | `program` | what of a program's file is needed to run it |
//! | `archive` | the archive's bytes |

mod archive;
mod modules;
mod program;
#[cfg(test)]
mod tests;

use crate::agent::guest::{LATER_MODULES, Later, MODULE_LIST};
use archive::Archive;
pub use modules::ModuleError;
use modules::Modules;
use program::what_runs;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// What a guest needs before its agent listens, besides its processors' own interrupt controllers and clocks, as far as it is
/// not built into its kernel: the bus, the disk and what is on it, the sockets.
const FIRST: [&str; 5] =
    ["virtio_mmio", "virtio_blk", "crc32c_generic", "ext4", "vmw_vsock_virtio_transport"];

/// What else every guest has: its other devices, and what is asked for by name.
const EVERYWHERE: [&str; 6] =
    ["crc32c_intel", "libcrc32c", "virtio_rng", "virtio_balloon", "vmgenid", "overlay"];

/// What containers, packet filters and tunnels need, loaded when something may need it. They come along whatever the image holds,
/// because an image has no modules of this kernel, and a step may install a container engine.
const FOR_CONTAINERS: [&str; 25] = [
    "bridge",
    "br_netfilter",
    "veth",
    "tun",
    "loop",
    "nf_tables",
    "nft_compat",
    "nft_chain_nat",
    "nft_ct",
    "nft_nat",
    "nft_masq",
    "nf_conntrack_netlink",
    "iptable_filter",
    "iptable_nat",
    "ip6table_filter",
    "ip6table_nat",
    "xt_addrtype",
    "xt_comment",
    "xt_conntrack",
    "xt_mark",
    "xt_MASQUERADE",
    "xt_multiport",
    "xt_nat",
    "xt_tcpudp",
    "xt_REDIRECT",
];

fn wanted(later: Later) -> &'static [&'static str] {
    match later {
        Later::Network => &["virtio_net"],
        Later::Files => &["fuse", "virtiofs"],
        Later::Everywhere => &EVERYWHERE,
        Later::Containers => &FOR_CONTAINERS,
    }
}

/// Modes of what is in the archive.
const DIRECTORY_MODE: u32 = 0o040_755;
const PROGRAM_MODE: u32 = 0o100_755;
const FILE_MODE: u32 = 0o100_644;

/// What an archive is made of.
#[derive(Debug, Default)]
pub struct Initramfs {
    archive: Archive,
    list: String,
}

impl Initramfs {
    /// One with this agent as the kernel's first program: a statically linked program that calls
    /// [`run_if_agent`](crate::agent::run_if_agent) before anything else.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn new(agent: &Path) -> io::Result<Self> {
        let mut archive = Archive::default();
        for name in ["dev", "etc", "modules", "proc", "root-disk", "run", "sys", "tmp", "var"] {
            archive.add(name, DIRECTORY_MODE, &[])?;
        }
        archive.add(LATER_MODULES.trim_start_matches('/'), DIRECTORY_MODE, &[])?;
        archive.add_console()?;
        archive.add("init", PROGRAM_MODE, what_runs(&std::fs::read(agent)?))?;
        Ok(Self { archive, list: String::new() })
    }

    /// Adds what it needs of a kernel's modules: `directory` is the one that holds `kernel/`, or that one itself. What
    /// isn't there is taken to be built in.
    ///
    /// # Errors
    /// When a module can't be read or depends on one that is not there.
    pub fn add_modules(&mut self, directory: &Path) -> Result<(), ModuleError> {
        let modules = Modules::find(directory)?;
        let first = modules.in_order(&FIRST, &BTreeSet::new())?;
        let names = first.iter().map(|(name, _)| name.clone()).collect();
        self.list = self.add_all("modules/", first)?;
        let later = LATER_MODULES.trim_start_matches('/');
        for which in Later::ALL {
            let modules = modules.in_order(wanted(which), &names)?;
            let list = self.add_all(&format!("{later}/{}-", which.list()), modules)?;
            self.archive.add(&format!("{later}/{}", which.list()), FILE_MODE, list.as_bytes())?;
        }
        Ok(())
    }

    /// Adds these under names that begin with this; answers their paths, a line each.
    fn add_all(
        &mut self,
        beginning: &str,
        modules: Vec<(String, Vec<u8>)>,
    ) -> Result<String, ModuleError> {
        let mut list = String::new();
        for (number, (name, image)) in modules.into_iter().enumerate() {
            let path = format!("{beginning}{number:02}-{name}.ko");
            self.archive.add(&path, FILE_MODE, &image)?;
            list.push_str(&format!("/{path}\n"));
        }
        Ok(list)
    }

    /// Adds a program or library at an absolute path, with the directories on the way.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn add_program(&mut self, from: &Path, to: &str) -> io::Result<()> {
        let to = to.trim_start_matches('/');
        for (end, _) in to.match_indices('/') {
            self.archive.add_once(to.get(..end).unwrap_or_default(), DIRECTORY_MODE)?;
        }
        self.archive.add(to, PROGRAM_MODE, what_runs(&std::fs::read(from)?))
    }

    /// The archive's bytes.
    ///
    /// # Errors
    /// When it has become too large for its format.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        let list = MODULE_LIST.trim_start_matches('/');
        self.archive.add(list, FILE_MODE, self.list.as_bytes())?;
        self.archive.finish()
    }
}
