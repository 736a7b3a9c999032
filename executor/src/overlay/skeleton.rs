//! The directory that the base `host` stands on: made anew from the host's configuration, kept by its digest.
//!
//! Of `/etc` it takes what every user of the host may read, less [`LEFT_OUT`]; accounts are the system's, without people
//! and without passwords. Of `/var` it takes directories, so that programs find the places they expect, and a few small
//! databases of package tools.

use super::failure::Doing;
use super::store_layout::fresh_name;
use crate::backend::BackendError;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Version of what this module makes: part of the name of its result.
const VERSION: &[u8] = b"layerc skeleton 1\0";

/// Largest configuration file that is taken.
const FILE_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// Names in `/etc` that are not taken although everybody may read them: what identifies this host or its network,
/// accounts (made anew), and the places where credentials of clouds, clusters and services are kept.
const LEFT_OUT: [&str; 72] = [
    "ansible",
    "apt/auth.conf",
    "apt/auth.conf.d",
    "aws",
    "azure",
    "boto.cfg",
    "ceph",
    "chef",
    "cifs-credentials",
    "cloud",
    "cloudflared",
    "cni",
    "consul.d",
    "containerd",
    "containers/auth.json",
    "credstore",
    "credstore.encrypted",
    "crio",
    "crypttab",
    "cups",
    "davfs2",
    "docker",
    "dropbear",
    "environment",
    "environment.d",
    "exports",
    "fstab",
    "gitconfig",
    "gitlab-runner",
    "google",
    "group",
    "group-",
    "gshadow",
    "gshadow-",
    "hostid",
    "hostname",
    "hosts",
    "init.d/README",
    "ipsec.d",
    "ipsec.secrets",
    "krb5.keytab",
    "kubernetes",
    "letsencrypt",
    "machine-id",
    "msmtprc",
    "mtab",
    "netplan",
    "netrc",
    "NetworkManager",
    "nomad.d",
    "openvpn",
    "passwd",
    "passwd-",
    "pki/private",
    "ppp",
    "puppet",
    "puppetlabs",
    "rancher",
    "rclone.conf",
    "resolv.conf",
    "s3cfg",
    "salt",
    "samba",
    "shadow",
    "shadow-",
    "ssh",
    "ssl/private",
    "subgid",
    "subuid",
    "sudoers",
    "tailscale",
    "wireguard",
];

/// More of the same, whose names begin so.
const LEFT_OUT_BEGINNINGS: [&str; 4] = ["subuid-", "subgid-", "sudoers.d", "wpa_supplicant"];

/// Small databases in `/var/lib` that package tools keep beside the package database.
const TOOL_DATABASES: [&str; 10] = [
    "dictionaries-common",
    "emacsen-common",
    "misc",
    "pam",
    "python",
    "sgml-base",
    "shells.state",
    "systemd/deb-systemd-helper-enabled",
    "ucf",
    "xml-core",
];

/// Directories of `/var` whose shape is taken, this many levels deep, without any file.
const SHAPES: [(&str, usize); 4] =
    [("var/lib", 2), ("var/cache", 3), ("var/log", 1), ("var/spool", 2)];

/// Directories of `/var` whose inside says what runs here: nothing of them is taken.
const SHAPES_LEFT_OUT: [&str; 8] =
    ["containerd", "docker", "containers", "kubelet", "libvirt", "machines", "private", "snapd"];

/// Directories every machine has, with their modes.
const DIRECTORIES: [(&str, u32); 24] = [
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("run/lock", 0o1777),
    ("srv", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var", 0o755),
    ("var/backups", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/local", 0o755),
    ("var/log", 0o755),
    ("var/opt", 0o755),
    ("var/spool", 0o755),
    ("var/tmp", 0o1777),
];

/// Places for package tools, made even where the host has none.
const TOOL_DIRECTORIES: [&str; 6] = [
    "var/cache/apt/archives/partial",
    "var/cache/debconf",
    "var/cache/ldconfig",
    "var/lib/apt/lists/partial",
    "var/lib/apt/periodic",
    "var/log/apt",
];

/// The skeleton for this host as it is now; made unless one with the same content is there. `places` are directories
/// that must exist in it to be mounted over.
pub(super) fn ensure(bases: &Path, places: &[PathBuf]) -> Result<PathBuf, BackendError> {
    let plan = plan(places).doing(|| "look at /etc".to_owned())?;
    let directory = bases.join(format!("host-{}", plan.digest));
    if directory.is_dir() {
        return Ok(directory);
    }
    let beside = bases.join(format!("new-{}", fresh_name()));
    fs::create_dir(&beside).doing(|| format!("make {}", beside.display()))?;
    let made = make(&beside, &plan)
        .doing(|| format!("copy the host's configuration to {}", beside.display()));
    let placed = made.and_then(|()| match fs::rename(&beside, &directory) {
        Err(error) if !directory.is_dir() => {
            Err(error).doing(|| format!("make {}", directory.display()))
        }
        Ok(()) | Err(_) => Ok(directory),
    });
    // Left when making failed, or when another process was faster.
    let _ = fs::remove_dir_all(&beside);
    placed
}

/// What will be copied.
struct Plan {
    digest: String,
    /// Paths below the root with what they are.
    entries: Vec<(PathBuf, Metadata)>,
    places: Vec<PathBuf>,
}

fn plan(places: &[PathBuf]) -> io::Result<Plan> {
    let mut entries = Vec::new();
    collect(Path::new("/etc"), &|path| is_left_out(path), usize::MAX, &mut entries)?;
    for name in TOOL_DATABASES {
        let path = Path::new("/var/lib").join(name);
        if let Ok(metadata) = fs::symlink_metadata(&path) {
            entries.push((path.clone(), metadata));
            collect(&path, &|_| false, 3, &mut entries)?;
        }
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(VERSION);
    for (path, metadata) in &entries {
        hasher.update(path.as_os_str().as_bytes());
        let facts = [
            metadata.size().cast_signed(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.mode().into(),
        ];
        for fact in facts {
            hasher.update(&fact.to_le_bytes());
        }
    }
    for place in places {
        hasher.update(place.as_os_str().as_bytes());
        hasher.update(b"\0");
    }
    hasher.update(&rustix::process::geteuid().as_raw().to_le_bytes());
    let digest = hasher.finalize().to_hex().chars().take(16).collect();
    Ok(Plan { digest, entries, places: places.to_vec() })
}

/// Everything below a directory that all users may read, parents first, in the order of names.
fn collect(
    directory: &Path,
    leave_out: &dyn Fn(&Path) -> bool,
    levels: usize,
    entries: &mut Vec<(PathBuf, Metadata)>,
) -> io::Result<()> {
    let listing = match fs::read_dir(directory) {
        Ok(listing) => listing,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
            ) || is_gone(&error) =>
        {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let mut paths: Vec<PathBuf> = listing.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    for path in paths {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if leave_out(&path) || !is_for_everybody(&metadata) {
            continue;
        }
        let is_directory = metadata.is_dir();
        entries.push((path.clone(), metadata));
        if is_directory && levels > 1 {
            collect(&path, leave_out, levels - 1, entries)?;
        }
    }
    Ok(())
}

/// Readable (and, for a directory, enterable) by people who have no other right to it.
fn is_for_everybody(metadata: &Metadata) -> bool {
    let mode = metadata.mode();
    if metadata.is_symlink() {
        return true;
    }
    if metadata.is_dir() {
        return mode & 0o005 == 0o005;
    }
    metadata.is_file() && mode & 0o004 != 0 && metadata.size() <= FILE_LIMIT_BYTES
}

fn is_left_out(path: &Path) -> bool {
    let Ok(name) = path.strip_prefix("/etc") else { return false };
    // Byte by byte: comparing paths name by name takes longer than all else that is done with them.
    let text = name.as_os_str();
    LEFT_OUT.iter().any(|left_out| text == *left_out)
        || LEFT_OUT_BEGINNINGS
            .iter()
            .any(|beginning| text.as_bytes().starts_with(beginning.as_bytes()))
        || looks_like_a_key(name)
}

/// Private keys by their usual names, wherever they are. Certificates end in `.pem` too, but lie in `ssl/certs` and
/// `ca-certificates`.
fn looks_like_a_key(name: &Path) -> bool {
    let ends = ["key", "keytab", "p12", "pfx", "jks"];
    let is_key =
        name.extension().and_then(OsStr::to_str).is_some_and(|extension| ends.contains(&extension));
    is_key && !name.starts_with("apt") && !name.starts_with("ssl/certs")
}

fn make(root: &Path, plan: &Plan) -> io::Result<()> {
    for (path, mode) in DIRECTORIES {
        make_directory(&root.join(path), mode)?;
    }
    for (path, metadata) in &plan.entries {
        copy(path, metadata, root)?;
    }
    link_top_level(root)?;
    for (path, levels) in SHAPES {
        copy_shape(&Path::new("/").join(path), root, levels)?;
    }
    for path in
        TOOL_DIRECTORIES.iter().map(Path::new).chain(plan.places.iter().map(PathBuf::as_path))
    {
        fs::create_dir_all(root.join(path))?;
    }
    for (link, target) in
        [("var/run", "/run"), ("var/lock", "/run/lock"), ("var/mail", "spool/mail")]
    {
        symlink(target, root.join(link))?;
    }
    super::accounts::write(&root.join("etc"))
}

fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn copy(path: &Path, metadata: &Metadata, root: &Path) -> io::Result<()> {
    let target = root.join(path.strip_prefix("/").unwrap_or(path));
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    if metadata.is_symlink() {
        return match fs::read_link(path) {
            Err(error) if is_gone(&error) => Ok(()),
            link => symlink(link?, &target),
        };
    }
    if metadata.is_dir() {
        return match make_directory(&target, metadata.mode() & 0o7777) {
            Ok(()) => give(&target, metadata),
            Err(error) => Err(error),
        };
    }
    match fs::copy(path, &target) {
        // Not readable after all: an access list, a label.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied || is_gone(&error) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => give(&target, metadata),
    }
}

/// Whether something went away since it was listed: the host's administrator works on, and package tools do.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// The same owner, where this process may give things away. Set-user bits are not kept: the owner may differ.
fn give(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let _ = std::os::unix::fs::chown(path, Some(metadata.uid()), Some(metadata.gid()));
    fs::set_permissions(path, fs::Permissions::from_mode(metadata.mode() & 0o1777))
}

/// `/bin` and its kin, where they are links into `/usr`.
fn link_top_level(root: &Path) -> io::Result<()> {
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        if let Ok(target) = fs::read_link(Path::new("/").join(name)) {
            symlink(target, root.join(name))?;
        }
    }
    Ok(())
}

/// The directories below one, without files: owner and mode are what programs rely on.
fn copy_shape(directory: &Path, root: &Path, levels: usize) -> io::Result<()> {
    let Ok(listing) = fs::read_dir(directory) else { return Ok(()) };
    for entry in listing.flatten() {
        let left_out = SHAPES_LEFT_OUT.iter().any(|name| entry.file_name() == *name);
        let Ok(metadata) = entry.metadata() else { continue };
        if left_out || !metadata.is_dir() {
            continue;
        }
        let target = root.join(entry.path().strip_prefix("/").unwrap_or(&entry.path()));
        if !target.exists() {
            make_directory(&target, metadata.mode() & 0o7777)?;
            give(&target, &metadata)?;
        }
        if levels > 1 {
            copy_shape(&entry.path(), root, levels - 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_accounts_are_left_out() {
        for path in [
            "/etc/shadow",
            "/etc/ssh",
            "/etc/ssl/private",
            "/etc/cloud",
            "/etc/sudoers.d",
            "/etc/nginx/site.key",
            "/etc/kubernetes",
        ] {
            assert!(is_left_out(Path::new(path)), "{path}");
        }
        for path in [
            "/etc/profile",
            "/etc/ssl/certs/x.pem",
            "/etc/apt/trusted.gpg.d/x.key",
            "/etc/os-release",
        ] {
            assert!(!is_left_out(Path::new(path)), "{path}");
        }
    }
}
