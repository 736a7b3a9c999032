//! The way to TCP ports of the machine: a process that takes connections over vsock, asks which port is meant, and
//! passes bytes on. Open while commands run. It takes those for terminals as well.

use super::super::doorman::connect_to;
use super::super::failure::{Doing, Failure};
use super::super::protocol::{self, PortReply, PortRequest};
use super::{PORTS_PORT, TERMINALS_PORT, terminals};
use crate::sys::{Fork, SingleThreaded, fork, leave, listen_at_vsock};
use rustix::net::{SocketFlags, accept_with};
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;

/// Starts the process. It is process 1's child like any other, and ends with the machine.
pub(super) fn start(proof: &SingleThreaded) -> Result<(), Failure> {
    let listener = listen_at_vsock(PORTS_PORT).doing(|| "listen for ports".to_owned())?;
    let terminals_listener =
        listen_at_vsock(TERMINALS_PORT).doing(|| "listen for terminals".to_owned())?;
    match fork(proof).doing(|| "make a process".to_owned())? {
        Fork::Child => {
            let _session = rustix::process::setsid();
            let terminals = move || take_all(&terminals_listener, terminals::serve);
            // A machine without terminals is still one.
            let _none = thread::Builder::new().spawn(terminals);
            take_all(&listener, pass_on)
        }
        Fork::Parent(_) => Ok(()),
    }
}

/// What is done with a connection, on a thread of its own.
type Serve = fn(UnixStream) -> Result<(), protocol::ProtocolError>;

fn take_all(listener: &OwnedFd, serve: Serve) -> ! {
    loop {
        if take_one(listener, serve).is_err() {
            leave(1);
        }
    }
}

fn take_one(listener: &OwnedFd, serve: Serve) -> io::Result<()> {
    match accept_with(listener, SocketFlags::CLOEXEC) {
        Ok(socket) => {
            let executor = UnixStream::from(socket);
            thread::Builder::new().spawn(move || {
                // A connection that breaks is over on both sides.
                let _broken = serve(executor);
            })?;
            Ok(())
        }
        // A connection that a snapshot ended before it was taken.
        Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn pass_on(mut executor: UnixStream) -> Result<(), protocol::ProtocolError> {
    let PortRequest { port } = protocol::receive(&mut executor)?;
    let connected = match connect_to(port) {
        Ok(connected) => TcpStream::from(connected),
        Err(error) => {
            return protocol::send(&mut executor, &PortReply::Failed(error.raw_os_error()));
        }
    };
    connected.set_nonblocking(false)?;
    protocol::send(&mut executor, &PortReply::Connected)?;
    let (mut from_executor, mut to_executor) = (executor.try_clone()?, executor);
    let (mut from_machine, mut to_machine) = (connected.try_clone()?, connected);
    let back = thread::Builder::new().spawn(move || {
        let _broken = io::copy(&mut from_machine, &mut to_executor);
        let _closed = to_executor.shutdown(Shutdown::Write);
    })?;
    let _broken = io::copy(&mut from_executor, &mut to_machine);
    let _closed = to_machine.shutdown(Shutdown::Write);
    let _panicked = back.join();
    Ok(())
}
