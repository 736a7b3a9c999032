//! What the process of a machine gives up before its guest runs: every name of a file, of a user, of a process, of a
//! network. What a host doesn't permit is told and left out; the lists of system calls (`jail`) stand on all of them.
//!
//! In two parts: what there is nothing in and every machine of a run finds the same is left once, by the nursery; what
//! keeps machines apart is each machine's own.
//!
//! Knows nothing of machines.

use crate::sys::{SingleThreaded, unshare};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, mount_move,
    mount_remount, unmount,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, chdir, chroot, getegid, geteuid, pivot_root, setrlimit,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// Namespaces of the nursery, and what it would share otherwise. Of users first: it lets ordinary users have the others.
const NAMESPACES: [(UnshareFlags, &str); 5] = [
    (UnshareFlags::NEWUSER, "users"),
    (UnshareFlags::NEWNS, "mounts"),
    (UnshareFlags::NEWNET, "network"),
    (UnshareFlags::NEWIPC, "shared memory"),
    (UnshareFlags::NEWUTS, "host name"),
];

/// What Landlock is asked for: everything that Linux 6.12 has; older kernels give what they have.
const LANDLOCK: ABI = ABI::V6;

/// A directory that is there on every Linux, to lay an empty one over. Nobody else sees that.
const ANY_DIRECTORY: &str = "/proc";

/// Most open files: those that are handed over, and those of the machine itself.
const MOST_OPEN_FILES: u64 = super::channel::MOST_DESCRIPTORS as u64 + 256;

/// Moves this process out of all that there is on this host but its processes, to where nothing is. Answers what it shares
/// nevertheless.
pub(super) fn leave_host(proof: &SingleThreaded, facts: &OwnedFd) -> Vec<String> {
    let mut lacking = Vec::new();
    for (namespace, what) in NAMESPACES {
        let left = match namespace {
            UnshareFlags::NEWUSER => be_root_inside(proof, facts),
            _ => unshare(proof, namespace).map_err(io::Error::from),
        };
        note_lack(&mut lacking, what, left);
    }
    if let Err(error) = empty_root() {
        lacking.push(format!("an empty root ({error})"));
    }
    lacking
}

/// A lack that is known is not told again.
fn note_lack(lacking: &mut Vec<String>, what: &str, left: io::Result<()>) {
    let Err(error) = left else { return };
    let told = format!("its own {what} ({error})");
    if !lacking.contains(&told) {
        lacking.push(told);
    }
}

/// The next child of this process is the first of a namespace of processes in which nobody else is.
pub(super) fn separate_next_child(proof: &SingleThreaded, lacking: &mut Vec<String>) -> Children {
    let left = unshare(proof, UnshareFlags::NEWPID).map_err(io::Error::from);
    let children = if left.is_ok() { Children::Apart } else { Children::Beside };
    note_lack(lacking, "processes", left);
    children
}

/// Where the next child of a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Children {
    /// In a namespace of processes of its own.
    Apart,
    /// In that of its parent.
    Beside,
}

/// Users of its own, among whom nothing but this one is known. `facts` is the host's directory of processes.
fn be_root_inside(proof: &SingleThreaded, facts: &OwnedFd) -> io::Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(proof, UnshareFlags::NEWUSER)?;
    let write = |name: &str, text: String| -> io::Result<()> {
        let file = openat(facts, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        File::from(file).write_all(text.as_bytes())
    };
    write("self/setgroups", "deny".to_owned())?;
    write("self/uid_map", format!("0 {user} 1"))?;
    write("self/gid_map", format!("0 {group} 1"))
}

/// Gives up everything that has a name and that the nursery had. Answers what it could not give up.
///
/// # Errors
/// When not even its powers can be given up: nothing must go on then.
pub(super) fn give_up_everything(
    proof: &SingleThreaded,
    facts: &OwnedFd,
    lacking: &mut Vec<String>,
) -> io::Result<()> {
    note_lack(lacking, "users", be_root_inside(proof, facts));
    if let Some(reason) = no_paths() {
        lacking.push(format!("Landlock ({reason})"));
    }
    limit_resources()?;
    give_up_powers()
}

/// Powers, and ways to new ones. For whoever only waits, too.
pub(super) fn give_up_powers() -> io::Result<()> {
    set_no_new_privs(true)?;
    for power in CapabilitySet::all().iter() {
        // A kernel that doesn't know one doesn't grant it either.
        let _ = remove_capability_from_bounding_set(power);
    }
    // No such set on old kernels.
    let _ = clear_ambient_capability_set();
    let nothing = CapabilitySet::empty();
    let none = CapabilitySets { effective: nothing, permitted: nothing, inheritable: nothing };
    set_capabilities(None, none)?;
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// A root with nothing in it, to which nothing can be added.
fn empty_root() -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("tmpfs", ANY_DIRECTORY, "tmpfs", flags, Some(c"mode=0555,size=4096,nr_inodes=1"))?;
    chdir(ANY_DIRECTORY)?;
    match pivot_root(".", ".") {
        Ok(()) => unmount(".", UnmountFlags::DETACH)?,
        // The first root of a kernel can't be exchanged, but covered.
        Err(_) => {
            mount_move(".", "/")?;
            chroot(".")?;
        }
    }
    chdir("/")?;
    Ok(mount_remount("/", flags | MountFlags::RDONLY, c"")?)
}

/// No path may be opened, no port of this host reached, no process of others signalled. Answers why not.
fn no_paths() -> Option<String> {
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(LANDLOCK)))
        .and_then(|rules| rules.scope(Scope::from_all(LANDLOCK)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    match restricted {
        Ok(status) if status.ruleset == RulesetStatus::NotEnforced => {
            Some("this kernel has none".to_owned())
        }
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

fn limit_resources() -> io::Result<()> {
    let to = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    // Memory of a guest must not come to lie about as a dump.
    setrlimit(Resource::Core, to(0))?;
    setrlimit(Resource::Msgqueue, to(0))?;
    let allowed = rustix::process::getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    setrlimit(Resource::Nofile, to(allowed.min(MOST_OPEN_FILES)))?;
    Ok(())
}
