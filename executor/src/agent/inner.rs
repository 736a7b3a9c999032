//! The namespaces that steps live in: a user namespace below the agent's, and network, host name, IPC and cgroup
//! namespaces that belong to it.
//!
//! Two user namespaces are the wall between a machine's root and the host. In a mount namespace owned by the inner
//! one, every mount the agent made is locked: root may mount what it likes, but not unmount the read-only `/proc/sys`
//! above the writable one; and it has no power over the agent, which still sees the host.

use super::failure::{Doing, Failure};
use super::protocol::{MachineSetup, Network};
use super::{receive_descriptor, send_descriptor};
use crate::sys::{Fork, SingleThreaded, bring_loopback_up, fork, leave, unshare};
use rustix::mount::{MountFlags, mount};
use rustix::process::{WaitOptions, waitpid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Handles of the namespaces.
#[derive(Debug)]
pub(crate) struct InnerNamespaces {
    user: OwnedFd,
    /// None where it is the host's, in which every process begins.
    network: Option<OwnedFd>,
    host_name: OwnedFd,
    communication: OwnedFd,
}

impl InnerNamespaces {
    /// Makes them in a process that then ends; the handles keep them. `processes` is the machine's `/proc`.
    pub(crate) fn make(
        proof: &SingleThreaded,
        processes: &Path,
        machine: &MachineSetup,
    ) -> Result<Self, Failure> {
        let (mut ours, mut theirs) =
            UnixStream::pair().doing(|| "make a socket pair".to_owned())?;
        match fork(proof).doing(|| "make a process".to_owned())? {
            Fork::Child => {
                drop(ours);
                let made = make_in_child(proof, &mut theirs, machine);
                leave(i32::from(made.is_err()));
            }
            Fork::Parent(child) => {
                drop(theirs);
                let namespaces = Self::receive(
                    &processes.join(child.as_raw_pid().to_string()),
                    &mut ours,
                    machine,
                );
                // The child may still wait for a word that won't come.
                drop(ours);
                let _ = waitpid(Some(child), WaitOptions::empty());
                namespaces.doing(|| "make the machine's namespaces".to_owned())
            }
        }
    }

    fn receive(child: &Path, socket: &mut UnixStream, machine: &MachineSetup) -> io::Result<Self> {
        socket.read_exact(&mut [0])?;
        copy_identity_map(child, "uid_map")?;
        copy_identity_map(child, "gid_map")?;
        socket.write_all(b"m")?;
        Ok(Self {
            user: receive_descriptor(&*socket)?,
            network: match machine.network {
                Network::Host => None,
                Network::Loopback | Network::Outbound { .. } => Some(receive_descriptor(&*socket)?),
            },
            host_name: receive_descriptor(&*socket)?,
            communication: receive_descriptor(&*socket)?,
        })
    }

    /// The handles of the user and the network namespace, if it has one of its own.
    pub(crate) fn user_and_network(&self) -> Option<[BorrowedFd<'_>; 2]> {
        Some([self.user.as_fd(), self.network.as_ref()?.as_fd()])
    }

    /// Moves this process into all of them and into a mount namespace that belongs to them.
    pub(crate) fn enter(&self, mounts: &OwnedFd) -> Result<(), Failure> {
        self.enter_user()?;
        let network = self.network.as_ref().map(|handle| (handle, LinkNameSpaceType::Network));
        let rest = [
            (&self.host_name, LinkNameSpaceType::HostNameAndNISDomainName),
            (&self.communication, LinkNameSpaceType::InterProcessCommunication),
            (mounts, LinkNameSpaceType::Mount),
        ];
        for (handle, kind) in network.into_iter().chain(rest) {
            move_into_link_name_space(handle.as_fd(), Some(kind))
                .doing(|| format!("enter the {kind:?} namespace"))?;
        }
        Ok(())
    }

    /// Makes a copy of this process's mount namespace that belongs to the inner user namespace.
    pub(crate) fn lock_mounts(&self, proof: &SingleThreaded) -> Result<OwnedFd, Failure> {
        let (ours, theirs) = UnixStream::pair().doing(|| "make a socket pair".to_owned())?;
        match fork(proof).doing(|| "make a process".to_owned())? {
            Fork::Child => {
                let sent = self.enter_user().and_then(|()| {
                    unshare(proof, UnshareFlags::NEWNS)
                        .doing(|| "make a mount namespace".to_owned())?;
                    send_own_namespace(&theirs, "mnt")
                        .doing(|| "pass the mount namespace".to_owned())
                });
                leave(i32::from(sent.is_err()));
            }
            Fork::Parent(child) => {
                drop(theirs);
                let received = receive_descriptor(&ours)
                    .doing(|| "make the machine's mount namespace".to_owned());
                let _ = waitpid(Some(child), WaitOptions::empty());
                received
            }
        }
    }

    /// Mounts `/sys` as the machine's network namespace shows it, read-only: an identity-mapped root could write
    /// much of it by permission bits alone.
    pub(crate) fn mount_system_information(&self, target: &Path) -> io::Result<()> {
        let own = File::open("/proc/self/ns/net")?;
        if let Some(network) = &self.network {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
        }
        let flags =
            MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
        let mounted = mount("sysfs", target, "sysfs", flags, None);
        let back = move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Network));
        // Going back fails without privilege over the outer network namespace. Staying is harmless: the agent uses none.
        let _ = back;
        Ok(mounted?)
    }

    /// Moves this process into the machine's network alone: it keeps its power, and steps have none over it. Where
    /// that is the host's, the process is there already.
    pub(crate) fn enter_network(&self) -> Result<(), Failure> {
        let Some(network) = &self.network else { return Ok(()) };
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
            .doing(|| "enter the machine's network".to_owned())
    }

    fn enter_user(&self) -> Result<(), Failure> {
        move_into_link_name_space(self.user.as_fd(), Some(LinkNameSpaceType::User))
            .doing(|| "enter the user namespace".to_owned())
    }
}

fn make_in_child(
    proof: &SingleThreaded,
    socket: &mut UnixStream,
    machine: &MachineSetup,
) -> io::Result<()> {
    unshare(proof, UnshareFlags::NEWUSER)?;
    socket.write_all(b"u")?;
    socket.read_exact(&mut [0])?;
    unshare(proof, UnshareFlags::NEWUTS | UnshareFlags::NEWIPC)?;
    rustix::system::sethostname(machine.hostname.as_bytes())?;
    send_own_namespace(&*socket, "user")?;
    if machine.network != Network::Host {
        unshare(proof, UnshareFlags::NEWNET)?;
        let inet = rustix::net::socket(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::DGRAM,
            None,
        )?;
        bring_loopback_up(inet.as_fd())?;
        send_own_namespace(&*socket, "net")?;
    }
    for name in ["uts", "ipc"] {
        send_own_namespace(&*socket, name)?;
    }
    Ok(())
}

fn send_own_namespace(socket: &UnixStream, name: &str) -> io::Result<()> {
    send_descriptor(socket, File::open(Path::new("/proc/self/ns").join(name))?.as_fd())
}

/// Every identity of this namespace keeps its number in the child's.
fn copy_identity_map(child: &Path, name: &str) -> io::Result<()> {
    let own = fs::read_to_string(Path::new("/proc/self").join(name))?;
    let mut map = String::new();
    for line in own.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(inside), Some(count)) = (fields.next(), fields.nth(1)) else { continue };
        map.push_str(&format!("{inside} {inside} {count}\n"));
    }
    fs::write(child.join(name), map)
}
