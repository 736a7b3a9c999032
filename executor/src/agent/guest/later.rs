//! Modules that few machines need: for containers, packet filters and tunnels.
//!
//! Loaded at boot they would cost every machine, and every state that is kept of one, some 13 MiB. So they wait in the archive in
//! memory until something may need them: a program of theirs is there, or the next command speaks of one. The
//! kernel's own way of asking starts a program of the image, which has none of this kernel's modules.

use super::super::failure::{Doing, Failure};
use super::LATER_MODULES;
use super::init::say;
use super::modules::load_file;
use rustix::mount::mount_bind;
use std::fs;
use std::path::Path;

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

/// Takes them along to the next root.
pub(super) fn bring() -> Result<(), Failure> {
    let doing = || "take the kernel's modules along".to_owned();
    fs::create_dir_all(PLACE).doing(doing)?;
    mount_bind(LATER_MODULES, PLACE).doing(doing)
}

/// Loads them if this command may need them.
pub(super) fn load_before(script: &str) {
    if Path::new(PLACE).join("list").exists() && may_need_them(script) {
        load();
    }
}

/// Loads all of them, once. What can't be loaded is told on the console: hardly anything fails for it.
pub(super) fn load() {
    let list = Path::new(PLACE).join("list");
    for path in fs::read_to_string(&list).unwrap_or_default().lines() {
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Err(failure) = load_file(&format!("{PLACE}/{name}")) {
            say(&format!("{failure:?}"));
        }
    }
    let _done = fs::remove_file(list);
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
