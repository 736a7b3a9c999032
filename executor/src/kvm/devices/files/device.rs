//! Passes requests to the server and answers back, some at a time. Nothing is under way when it stands still.
//!
//! The server is the one that also serves the mounts of machines of namespaces; instead of the kernel's device it has
//! a socket that keeps messages apart.

use super::request::{
    Header, MOST_ANSWER_BYTES, MOST_REQUEST_BYTES, Treatment, answered_number, bare_answer,
};
use super::state::FilesState;
use crate::kvm::devices::chain::Chain;
use crate::kvm::devices::device::{Device, Kind};
use crate::kvm::devices::queues::{Broken, Queues};
use crate::kvm::devices::state::{DeviceData, StateError};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair, sockopt,
};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

/// What is forgotten and interrupted comes here, so that it needn't wait.
const URGENT: usize = 0;

const REQUESTS: usize = 1;

/// Requests that the server has at a time.
const MOST_AT_ONCE: usize = 32;

/// Bytes of the name that the guest mounts.
const TAG_BYTES: usize = 36;

/// Bytes that wait in the socket, if the host allows: a few of the largest answers.
const SOCKET_BYTES: usize = 1 << 20;

/// The device's end.
#[derive(Debug)]
pub struct FilesPart {
    /// What the guest mounts.
    pub(in crate::kvm) tag: String,
    /// To the server.
    pub(in crate::kvm) server: OwnedFd,
}

impl FilesPart {
    /// Both ends: the server's takes requests and gives answers, a message each. `tag` is what the guest mounts.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new(tag: &str) -> io::Result<(Self, OwnedFd)> {
        let kind = SocketType::SEQPACKET;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
        for socket in [&ours, &theirs] {
            sockopt::set_socket_send_buffer_size(socket, SOCKET_BYTES)?;
        }
        Ok((Self { tag: tag.to_owned(), server: ours }, theirs))
    }
}

/// The device.
#[derive(Debug)]
pub(in crate::kvm::devices) struct FilesDevice {
    part: FilesPart,
    beginning: Option<Vec<u8>>,
    answer: Vec<u8>,
}

/// A request that the server has.
struct UnderWay<'memory> {
    queue: usize,
    chain: Chain<'memory>,
}

type AllUnderWay<'memory> = BTreeMap<u64, UnderWay<'memory>>;

impl FilesDevice {
    pub(in crate::kvm::devices) fn new(part: FilesPart) -> Self {
        Self { part, beginning: None, answer: Vec::new() }
    }

    /// Passes on what a queue has, up to a limit.
    fn pass_on<'memory>(
        &mut self,
        queue: usize,
        queues: &mut Queues<'memory>,
        under_way: &mut AllUnderWay<'memory>,
    ) -> Result<(), Broken> {
        while under_way.len() < MOST_AT_ONCE
            && let Some(mut chain) = queues.take(queue)?
        {
            let request = chain.read_rest(MOST_REQUEST_BYTES).unwrap_or_default();
            let Some(header) = Header::of(&request) else {
                queues.give_back(queue, &chain)?;
                continue;
            };
            // A number that is under way already can't be answered twice.
            let known = under_way.contains_key(&header.number);
            let answer = if known { Some(Errno::INVAL) } else { self.treat(header, &request) };
            match (answer, header.treatment) {
                (Some(error), _) => {
                    let answer = bare_answer(header.number, error.raw_os_error());
                    give_answer(queue, chain, &answer, queues)?;
                }
                (None, Treatment::End) => {
                    give_answer(queue, chain, &bare_answer(header.number, 0), queues)?;
                }
                (None, Treatment::Unanswered) => queues.give_back(queue, &chain)?,
                (None, Treatment::Begin | Treatment::Answered) => {
                    under_way.insert(header.number, UnderWay { queue, chain });
                }
            }
        }
        Ok(())
    }

    /// Gives a request to the server, if it is for it. Returns the error that it is answered with at once.
    fn treat(&mut self, header: Header, request: &[u8]) -> Option<Errno> {
        match header.treatment {
            Treatment::End => return None,
            // What the server knows of nodes it knows for good, and it is interrupted by nobody.
            Treatment::Unanswered => return None,
            Treatment::Begin if self.beginning.is_some() => return Some(Errno::BUSY),
            Treatment::Answered if self.beginning.is_none() => return Some(Errno::IO),
            Treatment::Begin => self.beginning = Some(request.to_owned()),
            Treatment::Answered => {}
        }
        send(&self.part.server, request, SendFlags::NOSIGNAL).err()
    }

    /// Waits for one answer and gives it to the guest. A server that is gone answers everything with an error.
    fn take_answer(
        &mut self,
        queues: &mut Queues<'_>,
        under_way: &mut AllUnderWay<'_>,
    ) -> Result<(), Broken> {
        self.answer.resize(MOST_ANSWER_BYTES, 0);
        let received = self.receive();
        let answer = self.answer.get(..received).unwrap_or_default();
        match answered_number(answer) {
            Some(number) => {
                let Some(UnderWay { queue, chain }) = under_way.remove(&number) else {
                    return Ok(());
                };
                give_answer(queue, chain, answer, queues)
            }
            None => {
                for (number, UnderWay { queue, chain }) in std::mem::take(under_way) {
                    let answer = bare_answer(number, Errno::IO.raw_os_error());
                    give_answer(queue, chain, &answer, queues)?;
                }
                Ok(())
            }
        }
    }

    /// Bytes of the next message; none if there will be no more.
    fn receive(&mut self) -> usize {
        loop {
            match recv(&self.part.server, self.answer.as_mut_slice(), RecvFlags::empty()) {
                Ok((_, received)) => return received,
                Err(Errno::INTR) => {}
                Err(_) => return 0,
            }
        }
    }
}

/// Writes an answer; one for which the guest made no room becomes an error, if there is room for that.
fn give_answer(
    queue: usize,
    mut chain: Chain<'_>,
    answer: &[u8],
    queues: &mut Queues<'_>,
) -> Result<(), Broken> {
    if chain.writable_bytes() >= answer.len() {
        let _fits = chain.write(answer);
    } else if let Some(number) = answered_number(answer) {
        let _perhaps = chain.write(&bare_answer(number, Errno::IO.raw_os_error()));
    }
    queues.give_back(queue, &chain)
}

impl Device for FilesDevice {
    fn kind(&self) -> Kind {
        Kind::Files
    }

    fn queue_sizes(&self) -> &'static [u16] {
        &[64, 128]
    }

    fn configuration(&self) -> Vec<u8> {
        let mut bytes = self.part.tag.clone().into_bytes();
        bytes.resize(TAG_BYTES, 0);
        // One queue for requests.
        bytes.extend(1_u32.to_le_bytes());
        bytes
    }

    fn work(&mut self, queues: &mut Queues<'_>) -> Result<(), Broken> {
        let mut under_way = BTreeMap::new();
        loop {
            self.pass_on(URGENT, queues, &mut under_way)?;
            self.pass_on(REQUESTS, queues, &mut under_way)?;
            if under_way.is_empty() {
                self.answer = Vec::new();
                return Ok(());
            }
            self.take_answer(queues, &mut under_way)?;
        }
    }

    /// A driver that begins anew finds the server as it was: what it knows is true for every guest of this machine.
    fn reset(&mut self) {}

    fn save(&self) -> DeviceData {
        DeviceData::Files(FilesState { beginning: self.beginning.clone() })
    }

    /// The new server hears how the guest's conversation began; its answer is the one that the guest has.
    fn restore(&mut self, data: DeviceData) -> Result<(), StateError> {
        let DeviceData::Files(FilesState { beginning }) = data else {
            return Err(StateError::Content("files with the state of another kind"));
        };
        if let Some(request) = &beginning {
            let begins = |header: Header| header.treatment == Treatment::Begin;
            if !Header::of(request).is_some_and(begins) {
                return Err(StateError::Content("files without a beginning"));
            }
            let gone = || StateError::Content("files that nobody serves");
            send(&self.part.server, request, SendFlags::NOSIGNAL).map_err(|_| gone())?;
            self.answer.resize(MOST_ANSWER_BYTES, 0);
            if self.receive() == 0 {
                return Err(gone());
            }
        }
        self.beginning = beginning;
        Ok(())
    }
}
