//! The other end of a machine's process, and of the run, as somebody who says anything.

use super::channel;
use super::devices::MadeDevices;
use super::protocol::{Answer, News, Order};
use crate::kvm::descriptors::{packet_pair, send_packet};
use crate::kvm::error::MachineError;
use crate::kvm::vcpu::End;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::SendFlags;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Most files that come with a packet; the rest of its byte is its length.
const FILES: u8 = 4;

/// Takes all packets for answers, for news and for orders.
pub(in crate::kvm) fn hear_any(bytes: &[u8]) -> io::Result<()> {
    hear::<Answer>(bytes, |answer, _| {
        if let Answer::Failed(fault) = answer {
            let told = MachineError::from(fault).to_string();
            assert!(!told.contains(char::is_control), "{told:?}");
        }
    })?;
    hear::<News>(bytes, |news, _| drop(End::from(news)))?;
    hear::<Order>(bytes, |order, files| {
        if let Order::Boot { devices, .. } | Order::Restore { devices, .. } = order {
            let _refused = MadeDevices::of(devices, files.into_iter());
        }
    })
}

fn hear<M: DeserializeOwned>(
    bytes: &[u8],
    mut take: impl FnMut(M, Vec<OwnedFd>),
) -> io::Result<()> {
    let (ours, theirs) = packet_pair()?;
    let file = File::from(memfd_create("file", MemfdFlags::CLOEXEC)?);
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        let length = usize::from(first / FILES).min(behind.len());
        let (packet, left) = behind.split_at(length);
        let files = vec![file.as_fd(); usize::from(first % FILES)];
        if !packet.is_empty() && send_packet(&ours, packet, &files, SendFlags::DONTWAIT).is_err() {
            // Nobody has taken those before yet: enough.
            break;
        }
        rest = left;
    }
    drop(ours);
    loop {
        match channel::receive::<M>(&theirs) {
            Ok(None) => return Ok(()),
            Ok(Some((message, files))) => take(message, files),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
            Err(error) => return Err(error),
        }
    }
}
