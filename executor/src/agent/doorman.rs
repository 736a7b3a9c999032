//! The doorman: a process in the machine's network that connects to its ports and passes the sockets out, while
//! process 1 runs commands.
//!
//! Of the machine it has the network and nothing else: not its files, not its user namespace, so no step has power
//! over it but to end it. Knows nothing of what flows through the sockets.

use super::failure::{Doing, Failure};
use super::inner::InnerNamespaces;
use super::protocol::{self, PortReply, PortRequest};
use super::send_descriptor;
use crate::sys::{Fork, SingleThreaded, fork, keep_one_descriptor, leave};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use rustix::process::Pid;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// How long a connection within one machine may take before it is handed over as it is: longer only when whoever
/// listens takes none.
const CONNECT_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Starts the doorman of a machine, who serves `socket` until it is closed.
pub(crate) fn start(
    proof: &SingleThreaded,
    inner: &InnerNamespaces,
    socket: OwnedFd,
) -> Result<Pid, Failure> {
    match fork(proof).doing(|| "make a process".to_owned())? {
        Fork::Child => {
            let served = inner.enter_network().and_then(|()| {
                let socket = keep_one_descriptor(proof, socket)
                    .doing(|| "let go of the machine".to_owned())?;
                serve(&mut UnixStream::from(socket))
            });
            leave(i32::from(served.is_err()));
        }
        Fork::Parent(child) => Ok(child),
    }
}

fn serve(socket: &mut UnixStream) -> Result<(), Failure> {
    loop {
        let PortRequest { port } = protocol::receive(socket)?;
        match connect_to(port) {
            Ok(connected) => {
                protocol::send(socket, &PortReply::Connected)?;
                send_descriptor(&*socket, connected.as_fd())
                    .doing(|| "pass a connection".to_owned())?;
            }
            Err(error) => {
                protocol::send(socket, &PortReply::Failed(error.raw_os_error()))?;
            }
        }
    }
}

/// Servers that listen on `localhost` may mean either address.
pub(crate) fn connect_to(port: u16) -> Result<OwnedFd, Errno> {
    let addresses = [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ];
    let mut refusal = Errno::CONNREFUSED;
    for address in addresses {
        match connect_at(address) {
            Ok(connected) => return Ok(connected),
            // Without IPv6 the second says that it has no such address; what the first said counts.
            Err(error) if address.is_ipv4() => refusal = error,
            Err(_) => {}
        }
    }
    Err(refusal)
}

fn connect_at(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) => return Ok(socket),
        Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error),
    }
    let mut waiting = [PollFd::new(&socket, PollFlags::OUT)];
    let _ended_or_not = poll(&mut waiting, Some(&CONNECT_TIME))?;
    rustix::net::sockopt::socket_error(&socket)??;
    Ok(socket)
}
