//! What the process of a machine gives up before its guest runs: every name of a file, of a user, of a process, of a
//! network. What a host doesn't permit is told and left out; the lists of system calls (`jail`) stand on all of them.
//!
//! Knows nothing of machines.

use crate::sys::{SingleThreaded, unshare};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
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
use std::fs;
use std::io;

/// Namespaces of its own, and what it would share otherwise. Of users first: it lets ordinary users have the others.
const NAMESPACES: [(UnshareFlags, &str); 6] = [
    (UnshareFlags::NEWUSER, "users"),
    (UnshareFlags::NEWNS, "mounts"),
    (UnshareFlags::NEWNET, "network"),
    (UnshareFlags::NEWIPC, "shared memory"),
    (UnshareFlags::NEWUTS, "host name"),
    (UnshareFlags::NEWPID, "processes"),
];

/// What Landlock is asked for: everything that Linux 6.12 has; older kernels give what they have.
const LANDLOCK: ABI = ABI::V6;

/// A directory that is there on every Linux, to lay an empty one over. Nobody else sees that.
const ANY_DIRECTORY: &str = "/proc";

/// Most open files: those that are handed over, and those of the machine itself.
const MOST_OPEN_FILES: u64 = super::channel::MOST_DESCRIPTORS as u64 + 256;

/// Moves this process, and in the case of processes its children, into namespaces of its own. Answers what it shares
/// nevertheless.
pub(super) fn leave_namespaces(proof: &SingleThreaded) -> Vec<String> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let mut lacking = Vec::new();
    for (namespace, what) in NAMESPACES {
        let left = unshare(proof, namespace).map_err(io::Error::from);
        let left = left.and_then(|()| match namespace {
            UnshareFlags::NEWUSER => be_root_inside(user, group),
            _ => Ok(()),
        });
        if let Err(error) = left {
            lacking.push(format!("its own {what} ({error})"));
        }
    }
    lacking
}

/// Nothing but this user is known in there.
fn be_root_inside(user: u32, group: u32) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// Gives up everything that has a name. Answers what it could not give up.
///
/// # Errors
/// When not even its powers can be given up: nothing must go on then.
pub(super) fn give_up_everything(lacking: &mut Vec<String>) -> io::Result<()> {
    if let Err(error) = empty_root() {
        lacking.push(format!("an empty root ({error})"));
    }
    if let Some(reason) = no_paths() {
        lacking.push(format!("Landlock ({reason})"));
    }
    limit_resources()?;
    give_up_powers()
}

/// Powers, and ways to new ones. For the keeper too.
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
