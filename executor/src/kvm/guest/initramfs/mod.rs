//! The archive that a guest's kernel starts from: the agent, and the modules that the kernel has not built in.
//!
//! Distribution kernels find neither disk nor sockets without modules. Which those are is known here; in what order
//! they are loaded follows from what each says it depends on.
//!
//! | file | what it holds |
//! |---|---|
//! | `modules` | the modules of a kernel, and their order |
//! | `archive` | the archive's bytes |

mod archive;
mod modules;
#[cfg(test)]
mod tests;

use crate::agent::guest::{LATER_MODULES, MODULE_LIST};
use archive::Archive;
pub use modules::ModuleError;
use modules::Modules;
use std::io;
use std::path::Path;

/// What a guest needs besides its processors' own interrupt controllers and clocks, as far as it is not built into its
/// kernel: the bus and the devices, the file systems, and what they ask for by name.
const WANTED: [&str; 14] = [
    "virtio_mmio",
    "virtio_rng",
    "virtio_blk",
    "virtio_net",
    "virtio_balloon",
    "vmw_vsock_virtio_transport",
    "crc32c_generic",
    "crc32c_intel",
    "libcrc32c",
    "ext4",
    "fuse",
    "virtiofs",
    "overlay",
    "vmgenid",
];

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
        archive.add("init", PROGRAM_MODE, &std::fs::read(agent)?)?;
        Ok(Self { archive, list: String::new() })
    }

    /// Adds what it needs of a kernel's modules: `directory` is the one that holds `kernel/`, or that one itself. What
    /// isn't there is taken to be built in.
    ///
    /// # Errors
    /// When a module can't be read or depends on one that is not there.
    pub fn add_modules(&mut self, directory: &Path) -> Result<(), ModuleError> {
        let modules = Modules::find(directory)?;
        self.list = self.add_all("modules", modules.in_order(&WANTED)?)?;
        let later = LATER_MODULES.trim_start_matches('/');
        let list = self.add_all(later, modules.in_order(&FOR_CONTAINERS)?)?;
        self.archive.add(&format!("{later}/list"), FILE_MODE, list.as_bytes())?;
        Ok(())
    }

    /// Adds these to a directory of the archive; answers their paths, a line each.
    fn add_all(
        &mut self,
        directory: &str,
        modules: Vec<(String, Vec<u8>)>,
    ) -> Result<String, ModuleError> {
        let mut list = String::new();
        for (number, (name, image)) in modules.into_iter().enumerate() {
            let path = format!("{directory}/{number:02}-{name}.ko");
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
        self.archive.add(to, PROGRAM_MODE, &std::fs::read(from)?)
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
