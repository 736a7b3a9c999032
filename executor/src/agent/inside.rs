//! Doing something inside the machine, as its root, in a process that then ends.

use super::failure::{Doing, Failure};
use super::inner::InnerNamespaces;
use super::protocol::{self, Reply};
use crate::sys::{Fork, SingleThreaded, fork, leave};
use rustix::process::{WaitOptions, waitpid};
use std::io;
use std::os::fd::OwnedFd;

/// Calls `work` inside and gives its answer.
pub(crate) fn in_machine(
    proof: &SingleThreaded,
    inner: &InnerNamespaces,
    mounts: &OwnedFd,
    work: impl FnOnce() -> Result<Reply, Failure>,
) -> Result<Reply, Failure> {
    let (mut report, mut told) = io::pipe().doing(|| "make a pipe".to_owned())?;
    match fork(proof).doing(|| "make a process".to_owned())? {
        Fork::Child => {
            drop(report);
            let reply = inner.enter(mounts).and_then(|()| work());
            let sent = protocol::send(&mut told, &reply.unwrap_or_else(Reply::from));
            leave(i32::from(sent.is_err()));
        }
        Fork::Parent(child) => {
            drop(told);
            let reply = protocol::receive(&mut report);
            let _ = waitpid(Some(child), WaitOptions::empty());
            match reply {
                Ok(Reply::Refused(text)) => Err(Failure::Refused(text)),
                Ok(Reply::Failed { action, errno, .. }) if errno != 0 => {
                    Err(Failure::System { action, source: io::Error::from_raw_os_error(errno) })
                }
                Ok(Reply::Failed { action, text, .. }) => {
                    Err(Failure::System { action, source: io::Error::other(text) })
                }
                Ok(reply) => Ok(reply),
                Err(_) => {
                    Err(Failure::Refused("a helper inside the machine ended early".to_owned()))
                }
            }
        }
    }
}
