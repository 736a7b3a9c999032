//! From `exec` to process 1: namespaces, the repository's mount, the fork into the new process namespace.
//!
//! Two processes result. The *keeper* stays outside the machine's process namespace: from it the repository was
//! mounted, so that readers are named by the process ids the executor knows; it waits for process 1 and ends with it.
//! *Process 1* serves. Each dies with its parent, so nothing is left when the executor is killed.

use super::failure::{Doing, Failure};
use super::filter::CallFilter;
use super::guest::{is_first_program, run_first};
use super::inner::InnerNamespaces;
use super::outbound::Outbound;
use super::protocol::{
    self, MachineSetup, Network, PROTOCOL_VERSION, Reply, Request, Task, TrackedFiles,
};
use super::removal::remove_own_tree;
use super::stage::RepositoryMount;
use super::{send_descriptor, serve, stage};
use crate::images::{pack_layer, unpack_layer};
use crate::kvm::guest::{RootDiskError, make_disk_of_layers};
use crate::sys::{
    ChildSignals, Fork, SingleThreaded, close_inherited_descriptors_from, fork, leave,
    place_descriptor, unshare,
};
use rustix::process::{
    DumpableBehavior, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, pidfd_open, setrlimit,
};
use rustix::thread::UnshareFlags;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

/// First argument of a process that is to be an agent. Standard input is its socket.
pub const AGENT_ARGUMENT: &str = "\u{2}layerc-agent";

/// Memory of a process that unpacks a layer. Decompressors need a few MiB, Zstandard's window at most 128.
const UNPACKING_MEMORY_BYTES: u64 = 512 << 20;

/// Becomes the agent if this process was started as one, and returns its exit code; otherwise does nothing. A program
/// that starts machines must call this first thing in `main`, before it makes a thread or reads its arguments.
pub fn run_if_agent() -> Option<ExitCode> {
    if is_first_program() {
        return Some(run_first());
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(code) = crate::kvm::process::run_if_nursery() {
        return Some(code);
    }
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != AGENT_ARGUMENT {
        return None;
    }
    Some(match live() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln_once(&error);
            ExitCode::FAILURE
        }
    })
}

/// The last words of an agent that can't reach its executor go to standard error, which the executor keeps.
fn eprintln_once(failure: &Failure) {
    eprintln!("the agent ended: {failure:?}");
}

fn live() -> Result<(), Failure> {
    // The store's files are open in the executor, and not every library closes its own at exec.
    close_inherited_descriptors_from(3);
    rustix::process::setsid().doing(|| "start a session".to_owned())?;
    let proof = SingleThreaded::prove().doing(|| "count threads".to_owned())?;
    let socket = io::stdin().as_fd().try_clone_to_owned().doing(|| "take the socket".to_owned())?;
    let mut socket = UnixStream::from(socket);
    let Request::Hello { version: PROTOCOL_VERSION, task } = protocol::receive(&mut socket)? else {
        return Err(Failure::Refused("the executor speaks another version".to_owned()));
    };
    if let Err(failure) = perform(&proof, &mut socket, &task) {
        protocol::send(&mut socket, &Reply::from(failure))?;
    }
    Ok(())
}

fn perform(proof: &SingleThreaded, socket: &mut UnixStream, task: &Task) -> Result<(), Failure> {
    unshare(proof, UnshareFlags::NEWUSER).doing(|| "make a user namespace".to_owned())?;
    protocol::send(socket, &Reply::MapIdentities)?;
    let Request::IdentitiesMapped = protocol::receive(socket)? else {
        return Err(Failure::Refused("expected the identity maps".to_owned()));
    };
    become_root_of_the_namespace()?;
    match task {
        Task::Machine(machine) => become_machine(proof, socket, machine),
        Task::Guest(_) => {
            Err(Failure::Refused("this is not the agent of a virtual machine".to_owned()))
        }
        Task::Remove { directory } => {
            remove_own_tree(Path::new(directory)).doing(|| format!("remove {directory}"))?;
            Ok(protocol::send(socket, &Reply::Done)?)
        }
        Task::Unpack { order, ownership } => {
            die_with_parent()?;
            limit_memory()?;
            let unpacked = unpack_layer(order, *ownership);
            let unpacked = unpacked.doing(|| format!("unpack the layer {}", order.content))?;
            Ok(protocol::send(socket, &Reply::Unpacked(unpacked))?)
        }
        Task::Pack { order } => {
            die_with_parent()?;
            let packed =
                pack_layer(order).doing(|| format!("pack `{}`", order.directory.display()))?;
            Ok(protocol::send(socket, &Reply::Packed(packed))?)
        }
        Task::MakeDisk { order } => {
            die_with_parent()?;
            make_disk_of_layers(order).map_err(|error| match error {
                RootDiskError::Disk(source) => {
                    Failure::System { action: format!("write {}", order.disk.display()), source }
                }
                other => Failure::Refused(other.to_string()),
            })?;
            Ok(protocol::send(socket, &Reply::Done)?)
        }
    }
}

/// A layer is not trusted: names and headers of any length must not take the machine's memory.
fn limit_memory() -> Result<(), Failure> {
    let limit =
        Rlimit { current: Some(UNPACKING_MEMORY_BYTES), maximum: Some(UNPACKING_MEMORY_BYTES) };
    setrlimit(Resource::Data, limit).doing(|| "limit memory".to_owned())
}

/// Runs in the keeper until process 1 ends, and in process 1 until the executor hangs up.
fn become_machine(
    proof: &SingleThreaded,
    socket: &mut UnixStream,
    machine: &MachineSetup,
) -> Result<(), Failure> {
    die_with_parent()?;
    unshare(proof, UnshareFlags::NEWNS).doing(|| "make a mount namespace".to_owned())?;
    let stage = stage::Stage::begin(Path::new(&machine.run_directory))?;
    let mounts: &[RepositoryMount] = match machine.tracked {
        TrackedFiles::Mounted => &[RepositoryMount::Files],
        TrackedFiles::MountedTwice => &[RepositoryMount::Files, RepositoryMount::LargeFiles],
        TrackedFiles::Absent => &[],
    };
    for mount in mounts {
        mount_repository(socket, &stage, *mount)?;
    }
    let outbound = match &machine.network {
        Network::Outbound { program } => {
            let directory = Path::new(&machine.run_directory);
            Some(Outbound::prepare(proof, Path::new(program), directory, socket)?)
        }
        Network::Loopback | Network::Host => None,
    };
    unshare(proof, UnshareFlags::NEWPID).doing(|| "make a process namespace".to_owned())?;
    match fork(proof).doing(|| "make process 1".to_owned())? {
        Fork::Child => serve_as_process_one(proof, socket, machine, stage, outbound),
        Fork::Parent(init) => {
            drop((stage, outbound));
            let handle =
                pidfd_open(init, PidfdFlags::empty()).doing(|| "hold process 1".to_owned())?;
            protocol::send(socket, &Reply::InitStarted)?;
            send_descriptor(&*socket, handle.as_fd())
                .doing(|| "pass the handle of process 1".to_owned())?;
            keep(socket, init)
        }
    }
}

/// Without it the machine can still do everything but COPY and SETUP FILE.
fn mount_repository(
    socket: &mut UnixStream,
    stage: &stage::Stage,
    mount: RepositoryMount,
) -> Result<(), Failure> {
    match stage.mount_repository(mount) {
        Ok(device) => {
            protocol::send(socket, &Reply::RepositoryMounted)?;
            send_descriptor(&*socket, device.as_fd()).doing(|| "pass the FUSE device".to_owned())
        }
        Err(error) => Ok(protocol::send(socket, &Reply::NoRepository(error.to_string()))?),
    }
}

/// Waits without holding the socket, so that its end shows when process 1 ends.
fn keep(socket: &mut UnixStream, init: rustix::process::Pid) -> Result<(), Failure> {
    let null = std::fs::File::open("/dev/null").doing(|| "open /dev/null".to_owned())?;
    for number in [0, socket.as_raw_fd()] {
        place_descriptor(null.as_fd(), number).doing(|| "let go of the socket".to_owned())?;
    }
    loop {
        match rustix::process::waitpid(Some(init), WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => leave(0),
        }
    }
}

fn serve_as_process_one(
    proof: &SingleThreaded,
    socket: &mut UnixStream,
    machine: &MachineSetup,
    stage: stage::Stage,
    outbound: Option<Outbound>,
) -> Result<(), Failure> {
    die_with_parent()?;
    let signals = ChildSignals::hold().doing(|| "watch children".to_owned())?;
    stage.make_processes()?;
    let inner = InnerNamespaces::make(proof, &stage.path("proc"), machine)?;
    let outbound = outbound.map(|outbound| outbound.connect(&inner)).transpose()?;
    // The executor is now in a user namespace above all steps; this is a second wall: nothing may look into it.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .doing(|| "become opaque".to_owned())?;
    stage.write_settings(machine)?;
    let notes = stage.furnish(&inner)?;
    let filter = CallFilter::compile()
        .map_err(io::Error::other)
        .doing(|| "compile the filter of system calls".to_owned())?;
    let guest = serve::Guest { proof, socket, inner, stage, filter, machine, outbound };
    serve::serve(guest, signals, notes)
}

fn become_root_of_the_namespace() -> Result<(), Failure> {
    use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
    let (group, user) = (rustix::process::Gid::ROOT, rustix::process::Uid::ROOT);
    set_thread_res_gid(Some(group), Some(group), Some(group))
        .doing(|| "become group root".to_owned())?;
    set_thread_res_uid(Some(user), Some(user), Some(user)).doing(|| "become root".to_owned())
}

/// Set anew after each change of identity, which clears it.
fn die_with_parent() -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .doing(|| "die with the executor".to_owned())
}
