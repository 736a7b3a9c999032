//! Modules that the agent does not need to listen: those of the network card and of the repository's files, loaded before
//! either is set up; those that every machine has, loaded when the executor was answered and before its first order is
//! looked at, while it prepares that; and those for containers, packet filters and tunnels.
//!
//! The last, loaded at boot, would cost every machine, and every state that is kept of one, some 13 MiB. So they wait in the archive in
//! memory until something may need them: a program of theirs is there, or the next command speaks of one. The
//! kernel's own way of asking starts a program of the image, which has none of this kernel's modules.

use super::super::failure::{Doing, Failure};
use super::LATER_MODULES;
use super::init::say;
use super::modules::load_file;
use rustix::mount::mount_bind;
use std::fs;
use std::path::{Path, PathBuf};

/// Where they are once the disk is the root.
const PLACE: &str = "/run/layerc/modules";

/// Programs that need them.
const PROGRAMS: [&str; 8] = [
    "/usr/bin/containerd",
    "/usr/bin/dockerd",
    "/usr/bin/podman",
    "/usr/sbin/iptables",
    "/usr/sbin/nft",
    "/sbin/iptables",
    "/sbin/nft",
    "/usr/bin/wg-quick",
];

/// Words of commands that install such a program, or need them by themselves.
const WORDS: [&str; 8] =
    ["docker", "podman", "containerd", "iptables", "nft", "bridge", "/dev/net/tun", "loop"];

/// What modules are for that are loaded later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// The network card.
    Network,
    /// The repository's files.
    Files,
    /// What else every machine has.
    Everywhere,
    /// Containers, packet filters and tunnels.
    Containers,
}

impl Later {
    /// All of them, in the order in which they may need each other.
    pub const ALL: [Self; 4] = [Self::Network, Self::Files, Self::Everywhere, Self::Containers];

    /// Those that every machine has before its first command.
    const USUAL: [Self; 3] = [Self::Network, Self::Files, Self::Everywhere];

    /// Name of its list.
    pub fn list(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Files => "files",
            Self::Everywhere => "everywhere",
            Self::Containers => "containers",
        }
    }
}

/// Takes them along to the next root.
pub(super) fn bring() -> Result<(), Failure> {
    let doing = || "take the kernel's modules along".to_owned();
    fs::create_dir_all(PLACE).doing(doing)?;
    mount_bind(LATER_MODULES, PLACE).doing(doing)
}

/// Loads those for containers if this command may need them.
pub(super) fn load_before(script: &str) {
    if list_of(Later::Containers).exists() && may_need_them(script) {
        load(Later::Containers);
    }
}

/// Loads all that every machine has.
pub(super) fn load_usual() {
    Later::USUAL.into_iter().for_each(load);
}

/// Loads these, once. What can't be loaded is told on the console: what needs it will fail and say so.
pub(super) fn load(which: Later) {
    let list = list_of(which);
    for path in fs::read_to_string(&list).unwrap_or_default().lines() {
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Err(failure) = load_file(&format!("{PLACE}/{name}")) {
            say(&format!("{failure:?}"));
        }
    }
    let _done = fs::remove_file(list);
}

fn list_of(which: Later) -> PathBuf {
    Path::new(PLACE).join(which.list())
}

fn may_need_them(script: &str) -> bool {
    WORDS.iter().any(|word| script.contains(word))
        || PROGRAMS.iter().any(|program| Path::new(program).exists())
}

#[cfg(test)]
mod tests {
    use super::WORDS;

    #[test]
    fn each_word_is_one_that_scripts_have() {
        let scripts = [
            "apt-get install docker.io",
            "curl https://get.docker.com | sh",
            "podman run x",
            "ip link add br0 type bridge",
            "iptables -L",
            "nft list ruleset",
            "mount -o loop disk.img /mnt",
            "ls /dev/net/tun",
            "systemctl start containerd",
        ];
        for script in scripts {
            assert!(WORDS.iter().any(|word| script.contains(word)), "{script}");
        }
        assert!(!WORDS.iter().any(|word| "make && npm ci && cargo test".contains(word)));
    }
}
