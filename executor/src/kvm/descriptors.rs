//! Messages between processes of this program that carry open files along: one packet each, over a Unix socket that keeps
//! packets apart.
//!
//! Knows no meaning of them. The other end may be hostile: a packet is taken whole and within the buffer, or refused.

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most open files of one packet; Linux takes 253.
pub(super) const MOST_AT_ONCE: usize = 200;

/// Two ends that keep packets apart.
///
/// # Errors
/// When the host is out of descriptors.
pub(super) fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a packet. An end that is gone is an error, never a signal.
pub(super) fn send_packet(
    socket: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_AT_ONCE))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("more open files than a packet takes"));
    }
    let flags = flags | SendFlags::NOSIGNAL;
    loop {
        match sendmsg(&socket, &[IoSlice::new(bytes)], &mut ancillary, flags) {
            Err(rustix::io::Errno::INTR) => {}
            sent => return Ok(sent.map(drop)?),
        }
    }
}

/// Takes the next packet into the buffer: how long it is, and its open files. Nothing at all once the other end is gone.
pub(super) fn receive_packet(
    socket: impl AsFd,
    buffer: &mut [u8],
    flags: RecvFlags,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_AT_ONCE))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        match recvmsg(&socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, flags) {
            Err(rustix::io::Errno::INTR) => {}
            received => break received?,
        }
    };
    let messages = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptors = messages.flatten().collect();
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet that is too long"));
    }
    Ok((received.bytes, descriptors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Seek, Write};

    #[test]
    fn packets_come_whole_with_their_files_or_not_at_all() {
        let (ours, theirs) = packet_pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"content").unwrap();
        let none = SendFlags::empty();
        send_packet(&ours, b"one", &[file.as_fd(), file.as_fd()], none).unwrap();
        send_packet(&ours, b"too long a packet", &[], none).unwrap();
        send_packet(&ours, b"three", &[], none).unwrap();
        let mut buffer = [0; 8];
        let (length, descriptors) =
            receive_packet(&theirs, &mut buffer, RecvFlags::empty()).unwrap();
        assert_eq!((&buffer[..length], descriptors.len()), (&b"one"[..], 2));
        let mut same = File::from(descriptors.into_iter().next().unwrap());
        let mut text = String::new();
        same.rewind().unwrap();
        same.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        let refused = receive_packet(&theirs, &mut buffer, RecvFlags::empty()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        assert_eq!(receive_packet(&theirs, &mut buffer, RecvFlags::empty()).unwrap().0, 5);
        drop(ours);
        assert_eq!(receive_packet(&theirs, &mut buffer, RecvFlags::empty()).unwrap().0, 0);
    }
}
