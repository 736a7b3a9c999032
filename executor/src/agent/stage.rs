//! The stage: a private tmpfs where the parts of a machine's root that are not files wait to be moved into it:
//! `/proc`, `/dev`, `/sys`, and the repository's mount, which steps see only through overlays.
//!
//! Seen only by the agent. Knows nothing of layers.

use super::failure::{Doing, Failure};
use super::inner::InnerNamespaces;
use super::outbound::NAME_SERVER;
use super::protocol::{MachineSetup, Network};
use crate::tracked::{FUSE_DEVICE, mount_fuse};
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount,
};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Device nodes of the host that a machine has too.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Files of `/proc` that tell about the host or act on it: seen as empty.
const PROC_HIDDEN_FILES: [&str; 8] = [
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "latency_stats",
    "sched_debug",
    "timer_list",
    "sysrq-trigger",
];

/// Directories of `/proc` that tell about the host's hardware: seen as empty.
const PROC_HIDDEN_DIRECTORIES: [&str; 2] = ["acpi", "scsi"];

/// Directories of `/proc` that act on the host when written by an identity-mapped root.
const PROC_READ_ONLY: [&str; 5] = ["sys", "bus", "fs", "irq", "asound"];

/// The part of `/proc/sys` that belongs to the machine's own network namespace: stays writable.
const PROC_SYS_OWN: &str = "sys/net";

/// A mount of the repository, by what it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RepositoryMount {
    /// Everything, or everything but what the other serves.
    Files,
    /// Large files.
    LargeFiles,
}

impl RepositoryMount {
    /// Its place on the stage.
    const fn name(self) -> &'static str {
        match self {
            Self::Files => "tracked",
            Self::LargeFiles => "large-files",
        }
    }
}

/// The stage's directory and what is on it.
#[derive(Debug)]
pub(crate) struct Stage {
    directory: PathBuf,
}

impl Stage {
    /// Mounts the stage in the run directory. Mount namespace and user namespace must be this process's own.
    pub(crate) fn begin(run_directory: &Path) -> Result<Self, Failure> {
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
            .doing(|| "make mounts private".to_owned())?;
        let directory = run_directory.join("stage");
        fs::create_dir_all(&directory).doing(|| format!("make {}", directory.display()))?;
        mount_tmpfs(&directory, c"mode=0755")?;
        let stage = Self { directory };
        let names =
            ["dev", "proc", "sys", "tracked", "large-files", "passages", "settings", "live"];
        for name in names {
            fs::create_dir(stage.path(name)).doing(|| format!("make {name} on the stage"))?;
        }
        Ok(stage)
    }

    /// A path on the stage.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where the overlay of a part is mounted.
    pub(crate) fn part(&self, place: usize) -> Result<PathBuf, Failure> {
        let path = self.directory.join(format!("part-{place}"));
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(error).doing(|| format!("make {}", path.display()))
            }
            Ok(()) | Err(_) => Ok(path),
        }
    }

    /// Mounts the repository's filesystem. Its server gets the device that is returned.
    pub(crate) fn mount_repository(&self, mount: RepositoryMount) -> io::Result<OwnedFd> {
        mount_fuse(Path::new(FUSE_DEVICE), &self.path(mount.name()))
    }

    /// The directories that make up a layer of the repository, top first: its files, and large ones if they are apart.
    pub(crate) fn repository_layer(&self, name: &str) -> Vec<PathBuf> {
        let directory = |mount: RepositoryMount| self.path(mount.name()).join(name);
        let large_files = directory(RepositoryMount::LargeFiles);
        let apart = large_files.is_dir().then_some(large_files);
        std::iter::once(directory(RepositoryMount::Files)).chain(apart).collect()
    }

    /// Makes `/dev` and `/sys`. For process 1. Returns what the host did not allow.
    pub(crate) fn furnish(&self, inner: &InnerNamespaces) -> Result<Vec<String>, Failure> {
        let mut notes = Vec::new();
        self.make_devices()?;
        if inner.mount_system_information(&self.path("sys")).is_err() {
            let empty = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
            mount("tmpfs", self.path("sys"), "tmpfs", empty, Some(c"size=0"))
                .doing(|| "mount an empty /sys".to_owned())?;
            notes.push("/sys is empty: the host does not let this user mount it".to_owned());
        }
        Ok(notes)
    }

    fn make_devices(&self) -> Result<(), Failure> {
        let devices = self.path("dev");
        mount_tmpfs(&devices, c"mode=0755,size=65536k")?;
        for name in DEVICES {
            let place = devices.join(name);
            fs::File::create(&place).doing(|| format!("make a place for /dev/{name}"))?;
            mount_bind(Path::new("/dev").join(name), &place)
                .doing(|| format!("show /dev/{name}"))?;
        }
        let links = [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
            ("ptmx", "pts/ptmx"),
        ];
        for (name, target) in links {
            std::os::unix::fs::symlink(target, devices.join(name))
                .doing(|| format!("make /dev/{name}"))?;
        }
        for name in ["pts", "shm"] {
            fs::create_dir(devices.join(name)).doing(|| format!("make /dev/{name}"))?;
        }
        mount_tmpfs(&devices.join("shm"), c"mode=1777")?;
        mount_terminals(&devices.join("pts"))
    }

    /// Makes the directory of settings that lies over every base: what files rely on (see `spec/machine.md`).
    pub(crate) fn write_settings(&self, machine: &MachineSetup) -> Result<(), Failure> {
        let settings = self.path("settings");
        for (path, text) in settings_files(&machine.hostname, name_servers(&machine.network)) {
            let path = settings.join(path);
            let parent = path.parent().unwrap_or(&settings);
            fs::create_dir_all(parent).doing(|| format!("make {}", parent.display()))?;
            fs::write(&path, text).doing(|| format!("write {}", path.display()))?;
        }
        for name in ["dev", "proc", "sys"] {
            fs::create_dir(settings.join(name)).doing(|| format!("make {name} in the settings"))?;
        }
        Ok(())
    }

    /// Makes `/proc`. For process 1, whose process namespace it shows.
    pub(crate) fn make_processes(&self) -> Result<(), Failure> {
        let processes = self.path("proc");
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount("proc", &processes, "proc", flags, None).doing(|| {
            "mount /proc of the machine (inside a container: its /proc must not be masked)"
                .to_owned()
        })?;
        let own = processes.join(PROC_SYS_OWN);
        for name in PROC_READ_ONLY.iter().filter(|name| processes.join(name).is_dir()) {
            make_read_only(&processes.join(name), flags)?;
        }
        if own.is_dir() {
            mount_bind(&own, &own)
                .and_then(|()| mount_remount(&own, flags | MountFlags::BIND, c""))
                .doing(|| format!("keep {} writable", own.display()))?;
        }
        for name in PROC_HIDDEN_FILES.iter().filter(|name| processes.join(name).exists()) {
            mount_bind("/dev/null", processes.join(name)).doing(|| format!("hide /proc/{name}"))?;
        }
        for name in PROC_HIDDEN_DIRECTORIES.iter().filter(|name| processes.join(name).is_dir()) {
            let empty =
                MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            mount("tmpfs", processes.join(name), "tmpfs", empty, Some(c"size=0"))
                .doing(|| format!("hide /proc/{name}"))?;
        }
        Ok(())
    }
}

fn mount_tmpfs(target: &Path, options: &std::ffi::CStr) -> Result<(), Failure> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", target, "tmpfs", flags, Some(options))
        .doing(|| format!("mount a tmpfs at {}", target.display()))
}

/// Group 5 is `tty` everywhere; a namespace with one identity doesn't have it.
pub(crate) fn mount_terminals(target: &Path) -> Result<(), Failure> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    let with_group = c"newinstance,ptmxmode=0666,mode=0620,gid=5";
    mount("devpts", target, "devpts", flags, Some(with_group))
        .or_else(|_| {
            mount("devpts", target, "devpts", flags, Some(c"newinstance,ptmxmode=0666,mode=0620"))
        })
        .doing(|| "mount /dev/pts".to_owned())
}

fn make_read_only(path: &Path, flags: MountFlags) -> Result<(), Failure> {
    mount_bind(path, path)
        .and_then(|()| mount_remount(path, flags | MountFlags::BIND | MountFlags::RDONLY, c""))
        .doing(|| format!("make {} read-only", path.display()))
}

/// Name resolution, host names, and package installation without questions.
pub(crate) fn settings_files(hostname: &str, name_servers: String) -> [(&'static str, String); 4] {
    let hosts = format!(
        "127.0.0.1 localhost\n127.0.1.1 {hostname}\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\n\
         ff02::2 ip6-allrouters\n"
    );
    let apt = "APT::Get::Assume-Yes \"true\";\nAPT::Install-Recommends \"true\";\nDpkg::Options { \"--force-confdef\"; \
               \"--force-confold\"; };\nAPT::Periodic::Enable \"0\";\n";
    [
        ("etc/hosts", hosts),
        ("etc/hostname", format!("{hostname}\n")),
        ("etc/resolv.conf", name_servers),
        ("etc/apt/apt.conf.d/90layerc", apt.to_owned()),
    ]
}

/// Whom the machine asks for addresses.
fn name_servers(network: &Network) -> String {
    let public = || "nameserver 1.1.1.1\nnameserver 8.8.4.4\n".to_owned();
    match network {
        Network::Loopback => public(),
        Network::Outbound { .. } => format!("nameserver {NAME_SERVER}\n"),
        Network::Host => fs::read_to_string("/etc/resolv.conf").unwrap_or_else(|_| public()),
    }
}
