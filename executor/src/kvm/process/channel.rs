//! Messages with any number of open files: a packet with the message and the first files, then packets with the rest.
//!
//! Knows no meaning of messages. Whatever bytes come, the answer is a message or an error.

use crate::kvm::descriptors::{MOST_AT_ONCE, receive_packet, send_packet};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most bytes of a message.
const MOST_BYTES: usize = 16 << 10;

/// Most open files of a message: the longest chains of disks and memory that a machine has.
pub(super) const MOST_DESCRIPTORS: usize = 4096;

/// A message, and how many open files belong to it.
#[derive(Serialize, Deserialize)]
struct Envelope<M> {
    descriptors: u32,
    message: M,
}

/// What is in a packet that only has open files.
const MORE: &[u8] = b"more";

fn broken(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Sends one.
///
/// # Errors
/// When it is too long, or nobody is there.
pub(super) fn send<M: Serialize>(
    socket: impl AsFd,
    message: M,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    if descriptors.len() > MOST_DESCRIPTORS {
        return Err(io::Error::other(format!(
            "a machine has at most {MOST_DESCRIPTORS} open files, and this one needs {}",
            descriptors.len()
        )));
    }
    let count = u32::try_from(descriptors.len()).unwrap_or(u32::MAX);
    let envelope = Envelope { descriptors: count, message };
    let bytes = postcard::to_stdvec(&envelope).map_err(io::Error::other)?;
    if bytes.len() > MOST_BYTES {
        return Err(broken("a message that is too long"));
    }
    let (first, rest) = descriptors.split_at(descriptors.len().min(MOST_AT_ONCE));
    send_packet(&socket, &bytes, first, SendFlags::empty())?;
    rest.chunks(MOST_AT_ONCE)
        .try_for_each(|part| send_packet(&socket, MORE, part, SendFlags::empty()))
}

/// Receives one; `None` once nobody is there.
///
/// # Errors
/// When it is none, or has other open files than it says.
pub(super) fn receive<M: DeserializeOwned>(
    socket: impl AsFd,
) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
    // No memory is held while nothing comes.
    let awaited = waiting_bytes(&socket)?;
    let mut bytes = vec![0; awaited.min(MOST_BYTES)];
    let (length, mut descriptors) = match receive_packet(&socket, &mut bytes, RecvFlags::empty()) {
        Ok((0, _)) => return Ok(None),
        // It went away with words of ours unread.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
        received => received?,
    };
    let bytes = bytes.get(..length).unwrap_or_default();
    let Ok((envelope, [])) = postcard::take_from_bytes::<Envelope<M>>(bytes) else {
        return Err(broken("a message that can't be understood"));
    };
    let expected = usize::try_from(envelope.descriptors).unwrap_or(usize::MAX);
    if expected > MOST_DESCRIPTORS {
        return Err(broken("a message with too many open files"));
    }
    let mut more = [0; MORE.len()];
    while descriptors.len() < expected {
        match receive_packet(&socket, &mut more, RecvFlags::empty())? {
            (_, part) if part.is_empty() => break,
            (_, part) => descriptors.extend(part),
        }
    }
    if descriptors.len() != expected {
        return Err(broken("a message with other open files than it says"));
    }
    Ok(Some((envelope.message, descriptors)))
}

/// Waits for a packet, and answers its length: 0 once nobody is there.
fn waiting_bytes(socket: impl AsFd) -> io::Result<usize> {
    let look = RecvFlags::PEEK | RecvFlags::TRUNC;
    loop {
        match recv(&socket, &mut [0_u8; 1], look) {
            Err(Errno::INTR) => {}
            Err(Errno::CONNRESET) => return Ok(0),
            received => return Ok(received?.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Answer, Order};
    use super::*;
    use crate::kvm::descriptors::packet_pair;
    use proptest::prelude::*;

    #[test]
    fn messages_come_with_all_of_their_files() {
        let (ours, theirs) = packet_pair().unwrap();
        let file = tempfile::tempfile().unwrap();
        for count in [0, 1, MOST_AT_ONCE, 2 * MOST_AT_ONCE + 7] {
            let descriptors = vec![file.as_fd(); count];
            send(&ours, Order::FinishKeeping { name: "x".to_owned() }, &descriptors).unwrap();
            let (order, came) = receive::<Order>(&theirs).unwrap().unwrap();
            assert_eq!((order, came.len()), (Order::FinishKeeping { name: "x".to_owned() }, count));
        }
        drop(ours);
        assert!(receive::<Order>(&theirs).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 1..4),
            files in 0..3_usize,
        ) {
            let (ours, theirs) = packet_pair().unwrap();
            let file = tempfile::tempfile().unwrap();
            for packet in packets {
                send_packet(&ours, &packet, &vec![file.as_fd(); files], SendFlags::empty()).unwrap();
            }
            drop(ours);
            while !matches!(receive::<Answer>(&theirs), Ok(None)) {}
        }
    }
}
